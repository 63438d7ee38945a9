"""The sweep section of a report: parallel coordinates, and how much of the variance each setting explains."""

import math
from collections.abc import Sequence

from gan.report.document import Block, Drawing, Section, Table, Text
from gan.report.importance import LEAST_RUNS, LEVELS, shares
from gan.report.measures import RunMeasure
from gan.report.parallel_coordinates import draw, number_axis, setting_axis
from gan.report.ranking import Ranking
from gan.report.settings import chosen_settings, differences, settings_of, short
from gan.runs.reading import Run

LEAST_SETTINGS, LEAST_SWEEP = 2, 4
MOST_AXES = 12


def sweep_section(ranking: Ranking) -> Section | None:
    """The section for four or more runs that differ in at least two settings, without seed and dependent settings."""
    runs = ranking.all_runs
    differing = differences([settings_of(run) for run in runs])
    distinct = differing.distinct(chosen_settings(runs))
    if len(runs) < LEAST_SWEEP or len(distinct) < LEAST_SETTINGS or ranking.measure is None:
        return None
    columns = {path: [values[path] for values in differing.values] for path in list(distinct)[:MOST_AXES]}
    blocks: list[Block] = [_coordinates(ranking.data, runs, columns, ranking.measure)]
    blocks += _importance(runs, columns, ranking.measure, distinct)
    if len(distinct) > MOST_AXES:
        blocks.append(Text(f"{len(distinct)} settings differ. This section shows the first {MOST_AXES}."))
    return Section(f"Sweep: {ranking.name}", blocks)


def _coordinates(data: str, runs: Sequence[Run], columns: dict[str, list[str]], measure: RunMeasure) -> Drawing:
    values = _ranked_values(runs, measure)
    axes = [setting_axis(short(path), texts) for path, texts in columns.items()]
    names = [
        f"{run.name}: " + (f"{measure.title} {measure.formatted([measure.of(run)])}" if run.is_ranked else run.why)
        for run in runs
    ]
    way = "lower" if measure.better < 0 else "higher"
    caption = (
        "Each line is a run. The colour is its rank, from the first (blue, thick) to the last (yellow). Dashed: not "
        "measured or not ranked. "
    )
    caption += f"{measure.title}: {way} is better; better values are at the top of the axis."
    last = number_axis(measure.title, values, turned=measure.better < 0)
    return Drawing(f"sweep-{data}", draw(names, axes, last), caption)


def _ranked_values(runs: Sequence[Run], measure: RunMeasure) -> list[float | None]:
    """The metric of each run; None for unranked runs, because they trained for a shorter time."""
    return [measure.of(run) if run.is_ranked else None for run in runs]


def _importance(
    runs: Sequence[Run], columns: dict[str, list[str]], measure: RunMeasure, distinct: dict[str, list[str]]
) -> list[Block]:
    values = _ranked_values(runs, measure)
    known = [index for index, value in enumerate(values) if value is not None and math.isfinite(value)]
    numbers = [float(values[index] or 0) for index in known]
    logarithmic = bool(numbers) and min(numbers) > 0 and measure.better < 0
    scaled = [math.log(value) for value in numbers] if logarithmic else numbers
    found = shares({path: [texts[index] for index in known] for path, texts in columns.items()}, scaled)
    if not found:
        return [Text(f"Too few measured runs for the share of variance: {LEAST_RUNS} or more are needed.")]
    rows = []
    for share in found:
        means = sorted(share.means, key=lambda entry: -measure.better * entry[1])
        each = [f"{value}: {math.exp(m) if logarithmic else m:.3g} ({count})" for value, m, count in means]
        rows.append([short(share.path), f"{share.share:.0%}", "; ".join(each), ", ".join(distinct[share.path]) or "-"])
    kind = "geometric mean" if logarithmic else "mean"
    head = ["setting", "share of variance", f"{kind} of {measure.title} for each value (runs)", "changes together with"]
    return [Table(head, rows), Text(_method(measure, len(known), logarithmic))]


def _method(measure: RunMeasure, runs: int, logarithmic: bool) -> str:
    what = f"log {measure.title}" if logarithmic else measure.title
    return (
        f"Share of variance: the fraction of the variance of {what} over {runs} runs that one setting explains "
        "(adjusted R² of a one-way analysis of variance). It is about 0 for a setting without effect. A setting with "
        f"more than {LEVELS} different numbers is divided into {LEVELS} ranges. Each setting is analysed separately, "
        "so interactions between settings are not counted. The share is a correlation in these runs, not a proof of a "
        "cause, and it depends on the values that were tried."
    )
