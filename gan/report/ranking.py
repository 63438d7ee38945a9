"""Ranking of the runs of a dataset, best first. Runs that differ only in the seed form a group.

Values of different real images, numbers of images or extractors are not comparable: their runs are ranked apart.
"""

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gan.report.measures import RunMeasure, by_seed_of, chosen, mean
from gan.report.settings import by_seed
from gan.runs.evaluation import Evaluation
from gan.runs.reading import Run
from gan.runs.series import IMAGES_PER_SECOND


@dataclass(frozen=True)
class Ranking:
    """The ranked runs of one dataset whose metrics are comparable.

    Attributes:
        data: name of the dataset that the runs were trained on.
        measured: the evaluation, as "70 images of mnist"; "" if it is of the training data, and the only one.
        groups: runs that differ only in the seed, sorted by the mean of ``measure``, best first, unmeasured last.
        measure: the metric; None if nothing was measured, then the order is the order of the folders.
        unranked: runs that failed, or that a search stopped early.
    """

    data: str
    groups: list[list[Run]]
    measure: RunMeasure | None
    unranked: list[Run] = field(default_factory=list)
    measured: str = ""

    @property
    def name(self) -> str:
        """The dataset, and the evaluation if it must be told."""
        return f"{self.data}, measured on {self.measured}" if self.measured else self.data

    @property
    def runs(self) -> list[Run]:
        """The ranked runs, best first."""
        return [run for group in self.groups for run in group]

    @property
    def all_runs(self) -> list[Run]:
        """The ranked runs, then the unranked runs."""
        return [*self.runs, *self.unranked]

    @property
    def best(self) -> list[Run] | None:
        """The first group; None if it was not measured."""
        if self.measure is None or not self.groups:
            return None
        return self.groups[0] if math.isfinite(_key(self.measure, self.groups[0])) else None


def rankings(runs: Sequence[Run]) -> list[Ranking]:
    """One ranking for each dataset and evaluation. Runs without an evaluation are in the largest of their dataset."""
    return [ranking for data in dict.fromkeys(run.data for run in runs) for ranking in _of_data(data, runs)]


def _of_data(data: str, runs: Sequence[Run]) -> Iterator[Ranking]:
    runs = [run for run in runs if run.data == data]
    sizes = Counter(run.evaluation for run in runs if run.quality)
    largest = max(sizes, key=lambda evaluation: sizes[evaluation], default=None)
    by_evaluation: dict[Evaluation | None, list[Run]] = {}
    for run in runs:
        by_evaluation.setdefault(run.evaluation if run.quality else largest, []).append(run)
    texts = Counter(str(evaluation) for evaluation in sizes)
    for evaluation, own in by_evaluation.items():
        is_usual = evaluation is None or (len(sizes) == 1 and evaluation.data == data)
        text = "" if is_usual else str(evaluation)
        if texts[text] > 1 and evaluation is not None:
            text += f" with {evaluation.extractors}"
        yield _ranked(data, own, text)


def _ranked(data: str, runs: Sequence[Run], measured: str) -> Ranking:
    unranked = [run for run in runs if not run.is_ranked]
    runs = [run for run in runs if run.is_ranked]
    groups, measure = by_seed(runs), chosen(runs)
    if measure is not None:
        groups = [sorted(group, key=lambda run: _key(measure, [run])) for group in groups]
        groups.sort(key=lambda group: (_key(measure, group), _key(measure.in_training(), group)))
    return Ranking(data, groups, measure, unranked, measured)


def _key(measure: RunMeasure, runs: Sequence[Run]) -> float:
    value = mean(list(by_seed_of(runs, measure.of).values()))
    return math.inf if value is None or not math.isfinite(value) else -measure.better * value


def minutes(run: Run) -> float | None:
    return None if run.seconds is None else run.seconds / 60


def speed(run: Run) -> float | None:
    """Real images per second: the median of the logged values, which exclude drawing and pauses."""
    logged = run.curves.get(IMAGES_PER_SECOND)
    return statistics.median(logged.finite()) if logged and logged.finite() else None
