"""Writes a document as GitHub Markdown, with the images in a folder beside it."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from urllib.parse import quote

from gan.report.document import Block, Chart, Charts, Command, Document, Drawing, Gallery, Table, Text
from gan.runs import figures, series

# Okabe and Ito's palette without yellow, which is invisible on white; the HTML page has the same order.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#5b6670", "#56b4e9", "#8a6d00")
DASHES = ("-", "--", ":", "-.")
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")
STARTS = re.compile(r"^(\d*)([-+=.)])(?= |$|[-=]+$)")  # start of a line: list, or underline of a heading
LINKED = re.compile(r":(?=//)|(?<=www)\.|@", re.IGNORECASE)  # GitHub converts these to links
PICTURES_A_ROW = 4


def markdown(document: Document, folder: str) -> dict[str, bytes]:
    """The files of a Markdown report, by path relative to it; "" is the Markdown text.

    Args:
        document: the document.
        folder: name of the folder for the images.
    """
    files: dict[str, bytes] = {}
    parts = [f"# {plain(document.title)}"]
    for section in document.sections:
        parts += [f"## {plain(section.title)}", *_blocks(section.blocks, folder, files)]
    return {"": ("\n\n".join(parts) + "\n").encode(), **files}


def _blocks(blocks: Sequence[Block], folder: str, files: dict[str, bytes]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Text):
            yield plain(block.text)
        elif isinstance(block, Command):
            yield fenced("", block.text)
        elif isinstance(block, Table):
            yield _table(block)
        elif isinstance(block, Gallery):
            yield _gallery(block, folder, files)
        elif isinstance(block, Drawing):
            standing_alone = block.svg.replace("<svg ", '<svg color="#222" style="background:#fff" ', 1)
            path = _add(files, folder, block.name, "svg", standing_alone.encode())
            yield f"![{plain(block.caption)}]({path})\n\n{plain(block.caption)}"
        elif isinstance(block, Charts):
            yield from _charts(block, folder, files)
        else:
            inside = "\n\n".join(_blocks(block.blocks, folder, files))
            yield f"<details><summary>{plain(block.title)}</summary>\n\n{inside}\n\n</details>"


def plain(text: object) -> str:
    """Text on one line, escaped so that Markdown and HTML show it unchanged: no tags, links, lists or cell ends."""
    line = SPECIAL.sub(r"\\\1", escape(" ".join(str(text).split()), quote=False))
    return LINKED.sub(lambda found: f"&#{ord(found[0])};", STARTS.sub(r"\1\\\2", line))


def fenced(language: str, text: str) -> str:
    """A code block; its fence is longer than any sequence of backticks in the text."""
    fence = "`" * max([3, *(1 + len(run) for run in re.findall("`+", text))])
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _table(table: Table) -> str:
    rows = [table.head, *table.rows]
    head, *body = [f"| {' | '.join(map(plain, row))} |" for row in rows]
    return "\n".join([head, f"|{' --- |' * len(table.head)}", *body])


def _add(files: dict[str, bytes], folder: str, name: str, ending: str, content: bytes) -> str:
    """Add an image to the files under a unique name, and return its address."""
    safe = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "picture"
    path = f"{folder}/{safe}.{ending}"
    number = 2
    while files.get(path, content) != content:
        path = f"{folder}/{safe}-{number}.{ending}"
        number += 1
    files[path] = content
    return quote(path)


def _gallery(gallery: Gallery, folder: str, files: dict[str, bytes]) -> str:
    cells = []
    for picture in gallery.pictures:
        path = _add(files, folder, picture.name, "png", picture.content)
        caption = escape(" ".join(picture.caption.split()))  # an empty line would end the HTML
        cells.append(f'<td><img src="{path}" width="220" alt="{caption}"><br>{caption}</td>')
    rows = [cells[start : start + PICTURES_A_ROW] for start in range(0, len(cells), PICTURES_A_ROW)]
    return "\n".join(["<table>", *(f"<tr>{''.join(row)}</tr>" for row in rows), "</table>"])


def _charts(charts: Charts, folder: str, files: dict[str, bytes]) -> Iterator[str]:
    for name, title, some in (("curves", "", charts.charts), ("more-curves", "More curves", charts.more)):
        if some:
            path = _add(files, folder, name, "png", _drawn(charts, some))
            numbers = "\n\n".join(f"{plain(chart.title)}\n\n{_table(chart.numbers)}" for chart in some)
            inside = f"![{title or 'Curves'}]({path})\n\n<details><summary>Numbers</summary>\n\n{numbers}\n\n</details>"
            yield f"<details><summary>{title}</summary>\n\n{inside}\n\n</details>" if title else inside


def _drawn(charts: Charts, some: Sequence[Chart]) -> bytes:
    """A PNG with one panel per chart, for the runs that are visible initially."""
    looks = [{"color": COLOURS[line.colour], "linestyle": DASHES[line.dash]} for line in charts.lines]
    names = [f"{line.name} {line.label}" for line in charts.lines]
    panels = []
    for chart in some:
        shown = {index: curve for index, curve in chart.curves.items() if charts.lines[index].shown}
        lines = [(names[index], curve, looks[index]) for index, curve in shown.items()]
        panels.append((series.Chart(chart.title), lines))
    return figures.draw(panels, columns=2, size=(12, 2.6 * ((len(some) + 1) // 2) + 0.6), dpi=80, one_legend=True)
