"""The metrics that runs are compared by: the value of a run, and the text for the values of several runs."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gan.metrics import measures
from gan.metrics.intervals import estimate
from gan.metrics.measures import Measure
from gan.runs.reading import Run


@dataclass(frozen=True)
class RunMeasure(Measure):
    """A metric of a run.

    Attributes:
        from_log: whether the value is the last one in metrics.csv instead of the value in quality.json.
    """

    from_log: bool = False

    def of(self, run: Run) -> float | None:
        """The value of a run, which can be NaN; None if it was not measured."""
        value = run.last(self.logged) if self.from_log else self.read(run.quality)
        return None if value is None else float(value)

    def in_training(self) -> "RunMeasure":
        """The same metric as last measured during training, on fewer images."""
        return replace(self, title=f"{self.title} in training", from_log=True)

    def formatted(self, values: Sequence[float | None]) -> str:
        """The values of several seeds as one text: see ``formatted``."""
        return formatted(values, whole=self.counts)


MEASURES = tuple(RunMeasure(**vars(measure)) for measure in measures.MEASURES if measure.compared)
FCD, MODES = (next(measure for measure in MEASURES if measure.name == name) for name in ("fcd", "modes"))


def measured(runs: Sequence[Run]) -> list[RunMeasure]:
    """The metrics that at least one of the runs has; in training if no run was evaluated by it."""
    found = []
    for measure in MEASURES:
        if any(measure.of(run) is not None for run in runs):
            found.append(measure)
        elif measure.logged and any(measure.logged in run.curves for run in runs if not run.quality):
            found.append(measure.in_training())
    return found


def by_seed_of(runs: Sequence[Run], of: Callable[[Run], float | None]) -> dict[str, float]:
    """One known value per seed, because runs with the same seed are not independent: their mean."""
    found: dict[str, list[float]] = {}
    for run in runs:
        if (value := of(run)) is not None:
            found.setdefault(str(run.seed), []).append(value)
    return {seed: statistics.fmean(values) for seed, values in found.items()}


def training_samples(run: Run) -> int | None:
    """The number of images per measurement during training; None if config.yaml does not say it."""
    callbacks = run.settings.get("callbacks")
    for node in callbacks.values() if isinstance(callbacks, dict) else ():
        if isinstance(node, dict) and str(node.get("_target_")).endswith("QualityMonitor"):
            n = node.get("n")
            return n if isinstance(n, int) else None
    return None


def chosen(runs: Sequence[Run]) -> RunMeasure | None:
    """The metric to rank these runs by: FCD, else modes, else the last FCD or modes logged in training, else None."""
    for measure in (FCD, MODES):
        if any(measure.of(run) is not None for run in runs):
            return measure
    for measure in (FCD, MODES):
        if any(measure.logged in run.curves for run in runs):
            return measure.in_training()
    return None


def formatted(values: Sequence[float | None], *, whole: bool = False) -> str:
    """The mean over several seeds ± half the width of its 95 % confidence interval, as text; - for no values.

    Args:
        values: one per seed.
        whole: whether they are integers.
    """
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    if not all(math.isfinite(value) for value in known):
        return "not finite"
    if whole and min(known) == max(known):
        return f"{known[0]:,.0f}"
    found = estimate(known)
    digits = decimals(found.mean, whole=whole)
    spread = "" if found.half_width is None else f" ± {found.half_width:,.{digits}f}"
    return f"{found.mean:,.{digits}f}{spread}"


def decimals(value: float, *, whole: bool = False) -> int:
    """The number of decimal places of a value; of a mean of integers if ``whole``."""
    return 1 if whole else 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the known values; not finite if one of them is not; None for no values."""
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None
