"""All measures, each once: its name, which way is better, what real images get, and how it is written.

It is read by `gan evaluate`'s table, reports, `gan runs`, model cards, charts, `BestCheckpoint` and `QualityMonitor`.
No torch is imported here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

QUALITY = "quality/"  # before the names of what is measured while training
FRECHET_CHART, HIGHER_CHART, MODES_CHART = (
    "Fréchet distance (lower is better)",
    "quality (higher is better)",
    "modes found",
)


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: in quality.json. title: of its column.
        better: -1 lower, 1 higher, 0 neither.
        digits: after the point in the table of `gan evaluate`.
        real: what real images get: a number, or its name in quality.json; None: nothing is known.
        factor: by which it is shown multiplied.
        counts: it is a whole number. names: quality.json has a list of names, and it is how many.
        compared: runs are compared by it, in reports, model cards and `gan runs`.
        some: only some generators have it.
        training: its name after "quality/" while training, of runs on images, of a conditional generator (``asked``) or
            on points (``points``); "" if it is not taken then.
        chart: the one that it is drawn in.
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
    training: str = ""
    asked: bool = False
    points: bool = False
    chart: str = ""

    @property
    def logged(self) -> str:
        """Its column in metrics.csv, and its name in ``trainer.callback_metrics``; "" if it is not taken there."""
        return QUALITY + self.training if self.training else ""

    def read(self, quality: Mapping[str, Any]) -> float | None:
        """Its value in the ``quality`` of quality.json, as it is shown; None if it was not measured."""
        return self._shown(quality.get(self.name))

    def read_real(self, quality: Mapping[str, Any]) -> float | None:
        """What real images got there."""
        return self._shown(quality.get(self.real)) if isinstance(self.real, str) else self.real

    def text(self, values: Sequence[float | None], empty: str = "-") -> str:
        """One value, or the mean of several, ± half the distance from the least to the greatest, for the table."""
        known = [value for value in values if value is not None]
        if not known:
            return empty
        spread = f" ± {(max(known) - min(known)) / 2:.{self.digits}f}" if len(known) > 1 else ""
        return f"{mean(known):.{self.digits}f}{spread}"

    def _shown(self, value: Any) -> float | None:
        if self.names:
            return len(value) if isinstance(value, list) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return self.factor * value


MEASURES = (
    Measure("fcd", "FCD", -1, real="fcd_floor", training="fcd", chart=FRECHET_CHART),
    Measure("fcd_ratio", "×floor", -1, 1, real=1),
    Measure("fcd_autoencoder", "AE distance", -1, compared=False, training="fcd_autoencoder", chart=FRECHET_CHART),
    Measure("fcd_autoencoder_ratio", "AE ×floor", -1, 1, real=1),
    Measure("kid", "KID×1e3", -1, 2, real="kid_floor", factor=1e3),
    Measure("precision", "precision", 1, real="real_precision", training="precision", chart=HIGHER_CHART),
    Measure("recall", "recall", 1, real="real_recall", training="recall", chart=HIGHER_CHART),
    Measure("density", "density", 1, real="real_density", compared=False, training="density"),
    Measure("coverage", "coverage", 1, real="real_coverage", training="coverage", chart=HIGHER_CHART),
    Measure("label_accuracy", "label acc.", 1, 4, some=True, training="label_accuracy", asked=True, chart=HIGHER_CHART),
    Measure("accuracy_score", "CAS", 1, 4, real="real_accuracy_score", some=True),
    Measure("kl_uniform", "KL to uniform", -1, compared=False, training="kl_uniform"),
    Measure("missing", "missing", -1, 0, real=0, counts=True, names=True, training="missing"),
    Measure("score", "score", 1, real="score_floor", compared=False),
    Measure("copied", "copied", -1, real=0.01, compared=False),
    Measure("modes", "modes", 1, 0, counts=True, some=True, training="modes", points=True, chart=MODES_CHART),
    Measure("reverse_kl", "KL", -1, compared=False, some=True),
    Measure("fid", "FID", -1, 2, compared=False, some=True),
    Measure("high_quality", "good points", 1, training="good_points", points=True, chart=HIGHER_CHART),
)


def in_training(*, points: bool, asked: bool) -> tuple[str, ...]:
    """What a run measures while it trains, by the names after "quality/".

    Args:
        points: it is of points, not of images. asked: a conditional generator of grey images is asked for classes.
    """
    taken = [measure for measure in MEASURES if measure.training and measure.points == points]
    always = [measure.training for measure in taken if not measure.asked]
    return (*always, *(measure.training for measure in taken if measure.asked and asked))


def better(logged: str) -> int:
    """Which way is better, of a name in ``trainer.callback_metrics``: 1 higher; -1 lower, as of every other name."""
    return next((measure.better for measure in MEASURES if measure.logged == logged), -1)
