"""The charts of a report: selection of the curves, and colour and dash pattern of each run."""

import math
from collections.abc import Sequence

from gan.report.document import Chart, Charts, Line, Table
from gan.report.ranking import Ranking
from gan.report.tables import labels
from gan.runs.curves import Curve, thinned, with_gaps
from gan.runs.reading import Run
from gan.runs.series import QUALITY, SERIES, TRAIN, Series
from gan.system.errors import counted

COLOURS, DASHES = 7, 4
MOST_POINTS, ALL_POINTS = 1000, 300_000  # per curve; of all curves, so that a page with hundreds of runs opens
FEWEST_POINTS = 60
SHOWN = 12  # runs drawn at first


def charts(rankings: Sequence[Ranking]) -> Charts:
    """The charts of all columns ``quality/`` and ``train/``; first those with a chart in the table of series."""
    runs = [run for ranking in rankings for run in ranking.all_runs]
    columns = list(dict.fromkeys(column for run in runs for column in run.curves))
    quality = [column for column in columns if column.startswith(QUALITY)]
    drawn = [series.name for series in SERIES if series.chart and series.name in columns]
    first = list(dict.fromkeys([*quality, *drawn]))
    more = [column for column in columns if column.startswith(TRAIN) and column not in first]
    most = points_each(sum(column in run.curves for run in runs for column in (*first, *more)))
    return Charts(
        _lines(rankings),
        [_chart(column, runs, most) for column in first],
        [_chart(column, runs, most) for column in more],
    )


def points_each(curves: int) -> int:
    """The maximum number of points per curve, for this number of curves."""
    return min(MOST_POINTS, max(FEWEST_POINTS, ALL_POINTS // max(1, curves)))


def _lines(rankings: Sequence[Ranking]) -> list[Line]:
    """One line per run. Seeds of one setting share a colour if there are few settings; else each run has its own."""
    groups = [group for ranking in rankings for group in (*ranking.groups, *([run] for run in ranking.unranked))]
    by_group = 1 < len(groups) <= COLOURS and max(map(len, groups)) <= DASHES
    lines: list[Line] = []
    called = {name: text for ranking in rankings for name, text in labels(ranking.all_runs).items()}
    for number, group in enumerate(groups):
        for place, run in enumerate(group):
            index = len(lines)
            colour, dash = (number, place) if by_group else (index % COLOURS, index // COLOURS % DASHES)
            lines.append(Line(run.name, called[run.name], colour, dash, index < SHOWN))
    return lines


def _chart(column: str, runs: Sequence[Run], most: int) -> Chart:
    curves = {index: run.curves[column] for index, run in enumerate(runs) if column in run.curves}
    rows = [[runs[index].name, *_numbers(curve)] for index, curve in curves.items()]
    drawn = {index: thinned(with_gaps(curve), most) for index, curve in curves.items()}
    return Chart(column, drawn, Table(["run", "rows", "minimum", "maximum", "last", "images seen"], rows))


def _numbers(curve: Curve) -> list[str]:
    finite = curve.finite()
    least, greatest = (f"{min(finite):.4g}", f"{max(finite):.4g}") if finite else ("-", "-")
    last = f"{curve.values[-1]:.4g}" if math.isfinite(curve.values[-1]) else "not finite"
    return [f"{len(curve.values):,}", least, greatest, last, f"{curve.x[-1]:,}"]


def first_not_finite(run: Run, columns: Sequence[Series]) -> list[str]:
    """For each of these series with a value that is not finite, a sentence that says where the first one is."""
    found = []
    for series in columns:
        curve = run.curves.get(series.name, Curve())
        bad = [images for images, value in zip(curve.x, curve.values, strict=True) if not math.isfinite(value)]
        if bad:
            where = f"in {counted(len(bad), 'row')}, first at {counted(bad[0], 'image')}"
            found.append(f"{run.name}: {series.title} is not finite {where}")
    return found
