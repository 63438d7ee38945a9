"""What a report is made of, before it is HTML or Markdown. All text is plain: who writes it out escapes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gan.runs.curves import Curve


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Command:
    """Something to type into a shell."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows under a head; cells are short texts, numbers written out."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A PNG: a name for a file of it, its bytes, and what is to be seen in it. ``pixels``: keep them square."""

    name: str
    content: bytes
    caption: str
    pixels: bool = False


@dataclass(frozen=True)
class Drawing:
    """An SVG whose text has the colour of the text around it, a name for a file of it, and what is to be seen in it."""

    name: str
    svg: str
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side."""

    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Line:
    """How a run is drawn in all charts: its name, how it was made in few words, a colour and a dash by number, and
    whether it is there at first."""

    name: str
    label: str
    colour: int
    dash: int
    shown: bool


@dataclass(frozen=True)
class Chart:
    """One logged column: a curve for each run that has it, by the run's place among the lines."""

    title: str
    curves: dict[int, Curve]
    numbers: Table


@dataclass(frozen=True)
class Charts:
    """Curves over the real images seen, all with the same lines; ``more`` are of less interest."""

    lines: Sequence[Line]
    charts: Sequence[Chart]
    more: Sequence[Chart]


@dataclass(frozen=True)
class Folded:
    """Something that is shown when it is asked for."""

    title: str
    blocks: Sequence["Block"]


Block = Text | Command | Table | Gallery | Drawing | Charts | Folded


@dataclass
class Section:
    """A heading, and what stands below it."""

    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    sections: Sequence[Section]
