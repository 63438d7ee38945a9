"""Which curves a report has, and how each run is drawn in them."""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence

from gan.report.document import Chart, Charts, Line, Table
from gan.report.ranking import Ranking
from gan.report.tables import labels
from gan.runs.curves import Curve, thinned
from gan.runs.reading import Run
from gan.system.errors import counted

COLOURS, DASHES = 7, 4
MOST_POINTS, ALL_POINTS = 1000, 300_000  # of one curve; of all together, so that hundreds of runs still open
FEWEST_POINTS = 60
SHOWN = 12  # runs drawn at first
FIRST = (
    "train/d_loss",
    "train/g_loss",
    "train/d_accuracy_real",
    "train/d_accuracy_fake",
    "train/d_accuracy_pairs",
    "train/d_gradient_norm",
    "train/g_gradient_norm",
    "train/images_per_second",
    "train/d_lr",
    "train/g_lr",
)


def charts(rankings: Sequence[Ranking]) -> Charts:
    """Everything logged under ``quality/`` and ``train/``, in the order of the rankings."""
    runs = [run for ranking in rankings for run in ranking.all_runs]
    columns = list(dict.fromkeys(column for run in runs for column in run.curves))
    quality = [column for column in columns if column.startswith("quality/")]
    first = [*quality, *(column for column in FIRST if column in columns)]
    more = [column for column in columns if column.startswith("train/") and column not in first]
    most = points_each(sum(column in run.curves for run in runs for column in (*first, *more)))
    return Charts(
        _lines(rankings),
        [_chart(column, runs, most) for column in first],
        [_chart(column, runs, most) for column in more],
    )


def points_each(curves: int) -> int:
    """Points of one curve at most, where there are so many."""
    return min(MOST_POINTS, max(FEWEST_POINTS, ALL_POINTS // max(1, curves)))


def _lines(rankings: Sequence[Ranking]) -> list[Line]:
    """Seeds of one setting share a colour where there are few enough settings; else each run has its own look."""
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
    return Chart(column, drawn, Table(["run", "rows", "least", "greatest", "last", "at images"], rows))


def _numbers(curve: Curve) -> list[str]:
    finite = curve.finite()
    least, greatest = (f"{min(finite):.4g}", f"{max(finite):.4g}") if finite else ("-", "-")
    last = f"{curve.values[-1]:.4g}" if math.isfinite(curve.values[-1]) else "not finite"
    return [f"{len(curve.values):,}", least, greatest, last, f"{curve.images[-1]:,}"]


def with_gaps(curve: Curve) -> Curve:
    """Break the line where nothing was logged for long: with alternating epochs, while the other network trained."""
    distances = [after - before for before, after in itertools.pairwise(curve.images)]
    usual = statistics.median(distances) if distances else 0
    broken = Curve()
    for images, value, distance in zip(curve.images, curve.values, [0, *distances], strict=False):
        if 0 < 10 * usual < distance:
            broken.images.append(images - distance // 2)
            broken.values.append(math.nan)
        broken.images.append(images)
        broken.values.append(value)
    return broken


def first_not_finite(run: Run, columns: Mapping[str, str]) -> list[str]:
    """For each of these columns that ever is not finite, a sentence that says from when on."""
    found = []
    for column, what in columns.items():
        curve = run.curves.get(column, Curve())
        bad = [images for images, value in zip(curve.images, curve.values, strict=True) if not math.isfinite(value)]
        if bad:
            where = f"in {counted(len(bad), 'row')}, first at {counted(bad[0], 'image')}"
            found.append(f"{run.name}: {what} is not finite {where}")
    return found
