"""The list of metrics of `gan evaluate`: title, direction, value of real images and format of each.

The table of `gan evaluate`, reports, `gan runs` and model cards use it. Metrics that are also logged during training
take title and direction from the table of logged series. This module does not import torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan.metrics.intervals import estimate
from gan.runs.series import BY_NAME, QUALITY


@dataclass(frozen=True)
class Measure:
    """One metric.

    Attributes:
        name: key in quality.json. title: column title.
        better: -1 if lower is better, 1 if higher is better, 0 for neither.
        digits: decimal places in the table of `gan evaluate`.
        real: value of real images: a number, or its key in quality.json; None: unknown.
        factor: the displayed value is multiplied by it.
        counts: whether it is an integer. names: quality.json has a list of names, and the metric is its length.
        compared: whether reports, model cards and `gan runs` compare runs by it.
        some: whether only some generators have it.
        logged: the column of metrics.csv with the same metric during training, or "".
    """

    name: str
    title: str
    better: int
    digits: int = 3
    real: str | float | None = None
    factor: float = 1
    counts: bool = False
    names: bool = False
    compared: bool = True
    some: bool = False
    logged: str = ""

    def read(self, quality: Mapping[str, Any]) -> float | None:
        """The displayed value, from ``quality`` in quality.json; None if it was not measured."""
        return self._shown(quality.get(self.name))

    def read_real(self, quality: Mapping[str, Any]) -> float | None:
        """The displayed value of real images; None if unknown."""
        return self._shown(quality.get(self.real)) if isinstance(self.real, str) else self.real

    def text(self, values: Sequence[float | None], empty: str = "-") -> str:
        """Text for the table: one value, or the mean of several seeds ± half its 95 % interval."""
        known = [value for value in values if value is not None]
        if not known:
            return empty
        found = estimate(known)
        spread = "" if found.half_width is None else f" ± {found.half_width:.{self.digits}f}"
        return f"{found.mean:.{self.digits}f}{spread}"

    def _shown(self, value: Any) -> float | None:
        if self.names:
            return len(value) if isinstance(value, list) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return self.factor * value


def _logged(name: str, title: str, digits: int = 3, *, series: str = "", **facts: Any) -> Measure:
    """A metric that is also logged during training, as "quality/SERIES" (default: its name)."""
    logged = BY_NAME[QUALITY + (series or name)]
    return Measure(name, title, logged.better, digits, logged=logged.name, **facts)


MEASURES = (
    _logged("fcd", "FCD", real="fcd_floor"),
    Measure("fcd_ratio", "×floor", -1, 1, real=1),
    Measure("fcd_autoencoder_ratio", "AE ×floor", -1, 1, real=1),
    Measure("fcd_control_ratio", "control ×floor", -1, 1, real=1),
    Measure("kid", "KID×1e3", -1, 2, real="kid_floor", factor=1e3),
    _logged("precision", "precision", real="real_precision"),
    _logged("recall", "recall", real="real_recall"),
    _logged("density", "density", real="real_density", compared=False),
    _logged("coverage", "coverage", real="real_coverage"),
    _logged("label_accuracy", "label acc.", 4, some=True),
    Measure("accuracy_score", "CAS", 1, 4, real="real_accuracy_score", some=True),
    _logged("missing", "missing", 0, real=0, counts=True, names=True),
    Measure("score", "score", 1, real="score_floor", compared=False),
    Measure("copied", "copied", -1, real=0.01, compared=False),
    _logged("modes", "modes", 0, counts=True, some=True),
    Measure("reverse_kl", "KL", -1, compared=False, some=True),
    Measure("fid", "FID", -1, 2, compared=False, some=True),
    _logged("high_quality", "good points", series="good_points"),
)
