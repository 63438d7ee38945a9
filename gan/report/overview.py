"""The few lines of `gan report` on the terminal."""

from collections.abc import Sequence

from gan.report.ranking import rankings
from gan.report.run_folders import Run
from gan.report.tables import ranking_table

ROWS = 12
WIDEST = 72  # characters of one cell


def overview(runs: Sequence[Run], now: float) -> str:
    """The ranking of each data set as plain text with aligned columns, its first rows."""
    parts = []
    for ranking in rankings(runs):
        table = ranking_table(ranking, now)
        lines = [f"{ranking.data}:", aligned([table.head, *table.rows[:ROWS]])]
        if len(table.rows) > ROWS:
            lines.append(f"… and {len(table.rows) - ROWS} more")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as plain text, each column as wide as its widest cell, of at most ``WIDEST`` characters."""
    cells = [[cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 1]}…" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)
