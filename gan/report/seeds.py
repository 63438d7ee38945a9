"""Statistics of a ranking over seeds: each configuration with its interval, compared with the first configuration.

A configuration is a group of runs that differ only in the seed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gan.metrics.intervals import LEVEL, Difference, Estimate, difference, estimate
from gan.report.document import Block, Table, Text
from gan.report.measures import RunMeasure, by_seed_of, decimals
from gan.report.ranking import Ranking
from gan.report.tables import configuration_names
from gan.runs.reading import Run
from gan.system.errors import counted

METHOD = (
    f"n: number of seeds. Interval: {LEVEL:.0%} confidence interval of the mean, by Student's t, which assumes "
    "normally distributed values. Configurations with two or more common seeds are compared in pairs, seed by seed; "
    "others by Welch's interval. "
    "Not distinguishable: the interval of the difference contains 0. The intervals are not corrected for the number of "
    "comparisons: with many configurations, some intervals exclude 0 by chance, and the first configuration was "
    "selected by these values."
)
ADD_SEEDS = "Train more seeds to compare: seed=0,1,2 with -m."


@dataclass(frozen=True)
class Configuration:
    """One configuration in one metric.

    Attributes:
        runs: its runs. name: its settings that differ from the other configurations.
        estimate: over its seeds; None if it was not measured.
        to_first: its difference from the first configuration; None for that one, and without a finite value.
    """

    runs: Sequence[Run]
    name: str
    estimate: Estimate | None
    to_first: Difference | None

    @property
    def verdict(self) -> str:
        """Whether it differs from the first configuration, in words."""
        if self.estimate is None:
            return "not measured"
        if self.to_first is None:
            return "not finite"
        if self.to_first.half_width is None:
            return "not distinguishable with 1 seed"
        if self.to_first.is_separate:
            return "different"
        return f"not distinguishable with {self.to_first.n} seeds"


def configurations(ranking: Ranking, measure: RunMeasure) -> list[Configuration]:
    """The configurations of a ranking, in its order, by one metric."""
    names = configuration_names(ranking)
    values = [by_seed_of(group, measure.of) for group in ranking.groups]
    found = []
    for number, (group, name, own) in enumerate(zip(ranking.groups, names, values, strict=True)):
        known = estimate(list(own.values())) if own else None
        is_comparable = number and own and values[0]
        found.append(Configuration(group, name, known, difference(own, values[0]) if is_comparable else None))
    return found


def seed_blocks(ranking: Ranking) -> list[Block]:
    """A table of the statistics by the metric of the ranking, if a configuration has several seeds."""
    measure = ranking.measure
    if measure is None or ranking.best is None:
        return []
    found = configurations(ranking, measure)
    if all(each.estimate is None or each.estimate.n < 2 for each in found):
        return []
    head = ["#", "settings", "n", f"mean {measure.title}", "standard deviation", "95 % interval"]
    several = len(found) > 1
    head += ["result", "difference from #1", "interval of the difference", "compared"] if several else []
    rows = [
        [str(place), each.name, *_estimated(each.estimate), *(_compared(each, place) if several else [])]
        for place, each in enumerate(found, 1)
    ]
    return [Table(head, rows), Text(METHOD)]


def _estimated(found: Estimate | None) -> list[str]:
    if found is None:
        return ["0", "-", "-", "-"]
    if not math.isfinite(found.mean):
        return [str(found.n), "not finite", "-", "-"]
    digits = decimals(found.mean)
    std = "one seed" if found.std is None else f"{found.std:,.{digits}f}"
    return [str(found.n), f"{found.mean:,.{digits}f}", std, _interval(found, digits)]


def _compared(each: Configuration, place: int) -> list[str]:
    if place == 1:
        return ["-", "-", "-", "-"]
    found = each.to_first
    if found is None:
        return [each.verdict, "-", "-", "-"]
    digits = decimals(found.mean)
    how = (
        f"{counted(found.n, 'pair')} of seeds" if found.paired else "unpaired" if found.half_width is not None else "-"
    )
    return [each.verdict, f"{found.mean:+,.{digits}f}", _interval(found, digits), how]


def _interval(found: Estimate, digits: int) -> str:
    interval = found.interval
    return "no interval" if interval is None else f"{interval[0]:,.{digits}f} to {interval[1]:,.{digits}f}"


def first_place(ranking: Ranking) -> str:
    """A sentence that says which configuration is first, and which others are not distinguishable from it."""
    measure = ranking.measure
    if not ranking.groups:
        return f"{ranking.name}: there are no runs to rank, because all have failed or were stopped early."
    if measure is None or ranking.best is None:
        return f"{ranking.name}: no run has a finite value of the metric that ranks the runs."
    way = "lower" if measure.better < 0 else "higher"
    found = configurations(ranking, measure)
    first, others = found[0], [each.to_first for each in found[1:] if each.to_first is not None]
    value = measure.formatted(list(by_seed_of(first.runs, measure.of).values()))
    n = first.estimate.n if first.estimate else 0
    seeds = f"{n} seeds" if n > 1 else "one seed, so no interval"
    if len(found) == 1:
        return f"{ranking.name}: {measure.title} {value} ({way} is better; {seeds})."
    close = [each for each in others if not each.is_separate]
    better = [each for each in others if each.is_separate and measure.better * each.mean > 0]
    if others and not close and not better:
        return (
            f"{ranking.name}: {first.name} is the best of {len(others) + 1} configurations: {measure.title} "
            f"{value} ({way} is better; {seeds})."
        )
    same = [each for each in others if each.mean == 0]
    if len(same) == len(others) == len(found) - 1:
        which = "both" if len(found) == 2 else f"all {len(found)}"
        return f"{ranking.name}: {which} configurations have the same mean {measure.title}, {value} ({seeds})."
    extreme = "lowest" if measure.better < 0 else "highest"
    start = f"{ranking.name}: {first.name} has the {extreme} mean {measure.title}, {value} ({seeds})."
    if better:
        start += (
            f" Compared on common seeds only, {counted(len(better), 'other configuration')} had better values; the "
            "means are over different seeds."
        )
    return f"{start} {_not_distinguishable(others, close)}".rstrip()


def _not_distinguishable(others: Sequence[Difference], close: Sequence[Difference]) -> str:
    """The sentence on the configurations that are close to the first one."""
    if not close:
        return ""
    fewest = min(each.n for each in close)
    seeds = counted(fewest, "seed")
    if len(close) == len(others):
        which = "the other configuration" if len(others) == 1 else f"all {len(others)} other configurations"
    else:
        which = f"{len(close)} of the {len(others)} other configurations"
    more = f" {ADD_SEEDS}" if any(each.half_width is None for each in close) else ""
    return f"It is not distinguishable from {which} with {seeds}.{more}"
