"""Writes a document as one self-contained HTML file: it includes all styles, scripts, images and numbers."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from importlib import resources

from gan.report.document import (
    Block,
    Chart,
    Charts,
    Command,
    Document,
    Drawing,
    Gallery,
    Picture,
    Section,
    Table,
    Text,
)

# The Content-Security-Policy also prevents the browser from loading anything.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
NUMBER = re.compile(r"[-+−]?[\d.,]+(e[-+]?\d+)?%?( ± [\d.,]+)?( †)?( to [-\d.,]+)?|-|–|not finite")


def html_page(document: Document) -> bytes:
    """The page, in UTF-8."""
    own = resources.files("gan.report")
    title = escape(document.title)
    anchors = {section.title: f"part-{number}" for number, section in enumerate(document.sections)}
    links = "".join(f'<a href="#{anchors[section.title]}">{escape(section.title)}</a>' for section in document.sections)
    body = "\n".join(_section(section, anchors[section.title]) for section in document.sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{(own / "page.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header><h1>{title}</h1><nav>{links}</nav></header>
<main>
{body}
</main>
<script type="module">
{(own / "chart.js").read_text(encoding="utf-8")}
{(own / "page.js").read_text(encoding="utf-8")}</script>
</body>
</html>
""".encode()


def _section(section: Section, anchor: str) -> str:
    return f'<section id="{anchor}"><h2>{escape(section.title)}</h2>\n{_blocks(section.blocks)}\n</section>'


def _blocks(blocks: Sequence[Block]) -> str:
    return "\n".join(map(_block, blocks))


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Command):
        return f'<div class="command"><pre tabindex="0"><code>{escape(block.text)}</code></pre></div>'
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Gallery):
        kind = "gallery strip" if block.is_strip else "gallery"
        return f'<div class="{kind}">{"".join(map(_picture, block.pictures))}</div>'
    if isinstance(block, Drawing):
        caption = f"<figcaption>{escape(block.caption)}</figcaption>"
        return f'<figure><div class="wide" tabindex="0">{block.svg}</div>{caption}</figure>'
    if isinstance(block, Charts):
        return _charts(block)
    return f"<details><summary>{escape(block.title)}</summary>\n{_blocks(block.blocks)}\n</details>"


def _table(table: Table) -> str:
    numeric = [all(map(NUMBER.fullmatch, column)) for column in zip(*table.rows, strict=True)] or [False] * len(
        table.head
    )
    head = "".join(
        f'<th scope="col"{_side(right)}>{escape(cell)}</th>' for cell, right in zip(table.head, numeric, strict=True)
    )
    rows = "\n".join(f"<tr>{''.join(map(_cell, row, numeric))}</tr>" for row in table.rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>'


def _cell(cell: str, numeric: bool) -> str:
    return f"<td{_side(numeric)}>{escape(cell)}</td>"


def _side(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.content).decode()
    caption = escape(picture.caption)
    kind = ' class="pixels"' if picture.pixels else ""
    image = f'<img{kind} src="data:image/png;base64,{data}" alt="{caption}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _charts(charts: Charts) -> str:
    """Placeholders that the script fills, each with a table of numbers; and the points as escaped JSON."""
    every = [*charts.charts, *charts.more]
    if not every:
        return "<p>No values are logged yet.</p>"
    points = {"lines": [asdict(line) for line in charts.lines], "charts": [_points(chart) for chart in every]}
    data = json.dumps(points, separators=(",", ":")).replace("<", r"\u003c")  # no name can end the script
    first = "\n".join(_place(chart, number) for number, chart in enumerate(charts.charts))
    more = "\n".join(_place(chart, number) for number, chart in enumerate(charts.more, len(charts.charts)))
    folded = f'<details><summary>More curves ({len(charts.more)})</summary><div class="charts">{more}</div></details>'
    return f"""<noscript><p>The curves need JavaScript. The Markdown report has them as images.</p></noscript>
<div id="legend"></div>
<div class="charts">{first}</div>
{folded if charts.more else ""}
<script type="application/json" id="curves">{data}</script>"""


def _place(chart: Chart, number: int) -> str:
    return (
        f'<figure class="chart" data-chart="{number}"><figcaption>{escape(chart.title)}</figcaption>'
        f"<details><summary>Numbers</summary>{_table(chart.numbers)}</details></figure>"
    )


def _points(chart: Chart) -> dict[str, object]:
    curves = [{"line": line, **curve.plain()} for line, curve in chart.curves.items()]
    return {"title": chart.title, "curves": curves}
