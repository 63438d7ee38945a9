"""Runs of one data set, those that differ in the seed alone taken together, the best first; and those not ranked."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from gan.report.measures import RunMeasure, chosen, mean
from gan.report.settings import by_seed
from gan.runs.reading import Run
from gan.runs.series import IMAGES_PER_SECOND


@dataclass(frozen=True)
class Ranking:
    """Runs of one data set.

    Attributes:
        data: its name.
        groups: runs that differ in the seed alone, by the mean of ``measure``, the best first; the unmeasured last.
        measure: None if nothing was measured; the order is that of the folders then.
        unranked: runs that failed, or that their search ended early.
    """

    data: str
    groups: list[list[Run]]
    measure: RunMeasure | None
    unranked: list[Run] = field(default_factory=list)

    @property
    def runs(self) -> list[Run]:
        """Those that are ranked, the best first."""
        return [run for group in self.groups for run in group]

    @property
    def all_runs(self) -> list[Run]:
        """And after them the others."""
        return [*self.runs, *self.unranked]

    @property
    def best(self) -> list[Run] | None:
        """The first group, if it was measured."""
        if self.measure is None or not self.groups:
            return None
        return self.groups[0] if math.isfinite(_key(self.measure, self.groups[0])) else None


def rankings(runs: Sequence[Run]) -> list[Ranking]:
    """One for each data set: measures against different images are not compared."""
    return [_ranked(data, [run for run in runs if run.data == data]) for data in dict.fromkeys(r.data for r in runs)]


def _ranked(data: str, runs: Sequence[Run]) -> Ranking:
    unranked = [run for run in runs if not run.is_ranked]
    runs = [run for run in runs if run.is_ranked]
    groups, measure = by_seed(runs), chosen(runs)
    if measure is not None:
        groups = [sorted(group, key=lambda run: _key(measure, [run])) for group in groups]
        groups.sort(key=lambda group: _key(measure, group))
    return Ranking(data, groups, measure, unranked)


def _key(measure: RunMeasure, runs: Sequence[Run]) -> float:
    value = mean([measure.of(run) for run in runs])
    return math.inf if value is None or not math.isfinite(value) else -measure.better * value


def minutes(run: Run) -> float | None:
    return None if run.seconds is None else run.seconds / 60


def speed(run: Run) -> float | None:
    """Real images a second: the median of what was logged, which pictures and pauses have no part in."""
    logged = run.curves.get(IMAGES_PER_SECOND)
    return statistics.median(logged.finite()) if logged and logged.finite() else None
