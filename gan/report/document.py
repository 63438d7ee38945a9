"""The elements of a report, independent of HTML and Markdown. All text is plain; the writers escape it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gan.runs.curves import Curve


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Command:
    """A shell command."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table with a header; cells are short texts, numbers are already formatted."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A PNG: file name, bytes and caption. ``pixels``: scale it without smoothing."""

    name: str
    content: bytes
    caption: str
    pixels: bool = False


@dataclass(frozen=True)
class Drawing:
    """An SVG with file name and caption; its text has the colour of the surrounding text."""

    name: str
    svg: str
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Images side by side; ``is_strip``: small, in one row if the page is wide enough."""

    pictures: Sequence[Picture]
    is_strip: bool = False


@dataclass(frozen=True)
class Line:
    """How a run is drawn in all charts: its name, a short label of its settings, the numbers of its colour and dash
    pattern, and whether it is visible initially."""

    name: str
    label: str
    colour: int
    dash: int
    shown: bool


@dataclass(frozen=True)
class Chart:
    """One logged column: a curve for each run that has it, by the run's index in the lines."""

    title: str
    curves: dict[int, Curve]
    numbers: Table


@dataclass(frozen=True)
class Charts:
    """Curves over the number of real images seen, all with the same lines; ``more`` are less important charts."""

    lines: Sequence[Line]
    charts: Sequence[Chart]
    more: Sequence[Chart]


@dataclass(frozen=True)
class Folded:
    """Blocks that are collapsed until the reader opens them."""

    title: str
    blocks: Sequence["Block"]


Block = Text | Command | Table | Gallery | Drawing | Charts | Folded


@dataclass
class Section:
    """A heading and its blocks."""

    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    """A complete report."""

    title: str
    sections: Sequence[Section]
