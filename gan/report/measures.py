"""The measures that runs are compared by: where each is found, how it is written, and which way is better."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gan.runs.reading import Run
from gan.runs.series import BY_NAME, QUALITY

Read = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Measure:
    """One measure of a run.

    Attributes:
        title: of its column. better: -1 lower, 1 higher.
        read: its value in the `quality` of quality.json, or None.
        whole: it counts something.
        logged: the column of metrics.csv with the same measure during training, or "".
        from_log: the last value of that column is meant, in place of quality.json's.
    """

    title: str
    better: int
    read: Read
    whole: bool = False
    logged: str = ""
    from_log: bool = False

    def of(self, run: Run) -> float | None:
        """A number, perhaps NaN; None if it was not measured."""
        value = run.last(self.logged) if self.from_log else self.read(run.quality)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def told(self, values: Sequence[float | None]) -> str:
        """Several seeds' values as one text: see ``told``."""
        return told(values, whole=self.whole)


def _named(name: str) -> Read:
    return lambda quality: quality.get(name)


def _missing(quality: Mapping[str, Any]) -> int | None:
    missing = quality.get("missing")
    return len(missing) if isinstance(missing, list) else None


def _kid(quality: Mapping[str, Any]) -> float | None:
    kid = quality.get("kid")
    return 1e3 * kid if isinstance(kid, int | float) else None


def _logged(title: str, name: str, read: Read | None = None, *, whole: bool = False) -> Measure:
    """A measure that is logged during training too; the table of series has which way is better."""
    series = BY_NAME[QUALITY + name]
    return Measure(title, series.better, read or _named(name), whole, series.name)


FCD = _logged("FCD", "fcd")
MODES = _logged("modes", "modes", whole=True)
MEASURES = (
    FCD,
    Measure("×floor", -1, _named("fcd_ratio")),
    Measure("AE ×floor", -1, _named("fcd_autoencoder_ratio")),
    Measure("KID×1e3", -1, _kid),
    _logged("precision", "precision"),
    _logged("recall", "recall"),
    _logged("coverage", "coverage"),
    _logged("label acc.", "label_accuracy"),
    Measure("CAS", 1, _named("accuracy_score")),
    _logged("missing", "missing", _missing, whole=True),
    MODES,
    _logged("good points", "good_points", _named("high_quality")),
)


def measured(runs: Sequence[Run]) -> list[Measure]:
    """Those that at least one of the runs has."""
    return [measure for measure in MEASURES if any(measure.of(run) is not None for run in runs)]


def chosen(runs: Sequence[Run]) -> Measure | None:
    """What these runs are ranked by: FCD, else modes, else FCD or modes as last logged in training; None: nothing."""
    for measure in (FCD, MODES):
        if any(measure.of(run) is not None for run in runs):
            return measure
    for measure in (FCD, MODES):
        if any(measure.logged in run.curves for run in runs):
            return replace(measure, title=f"{measure.title} in training", from_log=True)
    return None


def told(values: Sequence[float | None], *, whole: bool = False) -> str:
    """The mean of what several seeds give, ± half the distance from the least to the greatest; - for no values."""
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
    """The mean of those that are known; NaN if one of them is not finite; None for no values."""
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None
