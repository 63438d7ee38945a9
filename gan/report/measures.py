"""The metrics that runs are compared by: the value of a run, and the text for the values of several runs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gan.metrics import measures
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

    def formatted(self, values: Sequence[float | None]) -> str:
        """The values of several seeds as one text: see ``formatted``."""
        return formatted(values, whole=self.counts)


MEASURES = tuple(RunMeasure(**vars(measure)) for measure in measures.MEASURES if measure.compared)
FCD, MODES = (next(measure for measure in MEASURES if measure.name == name) for name in ("fcd", "modes"))


def measured(runs: Sequence[Run]) -> list[RunMeasure]:
    """The metrics that at least one of the runs has."""
    return [measure for measure in MEASURES if any(measure.of(run) is not None for run in runs)]


def chosen(runs: Sequence[Run]) -> RunMeasure | None:
    """The metric to rank these runs by: FCD, else modes, else the last FCD or modes logged in training, else None."""
    for measure in (FCD, MODES):
        if any(measure.of(run) is not None for run in runs):
            return measure
    for measure in (FCD, MODES):
        if any(measure.logged in run.curves for run in runs):
            return replace(measure, title=f"{measure.title} in training", from_log=True)
    return None


def formatted(values: Sequence[float | None], *, whole: bool = False) -> str:
    """The mean over several seeds ± half the range from minimum to maximum, as text; - for no values."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    if not all(math.isfinite(value) for value in known):
        return "not finite"
    mean = statistics.mean(known)
    if whole and min(known) == max(known):
        return f"{mean:,.0f}"
    digits = 1 if whole else 3 if abs(mean) < 1 else 2 if abs(mean) < 10 else 1
    spread = f" ± {(max(known) - min(known)) / 2:.{digits}f}" if len(known) > 1 else ""
    return f"{mean:,.{digits}f}{spread}"


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the known values; not finite if one of them is not; None for no values."""
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None
