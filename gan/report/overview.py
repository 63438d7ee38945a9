"""The short overview that `gan report` prints in the terminal."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gan.report import unranked
from gan.report.ranking import rankings
from gan.report.seeds import first_place
from gan.report.tables import IN_TRAINING, MARK, ranking_table
from gan.runs.reading import Run

ROWS = 12
WIDEST = 72  # maximum characters of a cell


def overview(
    runs: Sequence[Run],
    now: float,
    failed: Mapping[str, str] = MappingProxyType({}),
    unreadable: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The first rows of the ranking of each dataset as plain text, and the runs that are not ranked, with reasons.

    Args: as for `gan.report.contents.document`.
    """
    parts = []
    for ranking in rankings(runs):
        table = ranking_table(ranking, now)
        lines = []
        if table.rows:
            lines.append(aligned([table.head, *table.rows[:ROWS]]))
        if any(cell.endswith(MARK) for row in table.rows for cell in row):
            lines.append(IN_TRAINING)
        if len(table.rows) > ROWS:
            lines.append(f"… and {len(table.rows) - ROWS} more")
        lines.append(first_place(ranking))
        if ranking.unranked:
            lines += ["not ranked:", *unranked.lines(ranking, now, ROWS)]
        parts.append("\n".join(lines))
    if failed:
        parts.append("\n".join(["not started:", *(f"  failed: {name}: {why}" for name, why in failed.items())]))
    if unreadable:
        parts.append("\n".join(["not readable:", *(f"  {name}: {why}" for name, why in unreadable.items())]))
    return "\n\n".join(parts)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as plain text; each column has the width of its widest cell, at most ``WIDEST`` characters."""
    cells = [[cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 1]}…" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)
