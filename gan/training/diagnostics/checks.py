"""Checks of a training run: conditions on logged rows, sample images and metrics, each with its message.

A check describes the current state. `alarms.Debounce` decides when it becomes an alarm.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gan.metrics.diversity import contrast, diversity

FEW_ROWS = 10  # rows needed for a usual gradient norm
VANISHED = 0.01  # fraction of the usual gradient norm
SATURATED = 0.01  # D's mean probability of fakes being real, below which minimax has no gradient
FLAT = 0.02  # fraction of the real images' contrast
EQUAL = 0.002  # fraction of the real images' distance
STILL = 1e-5  # fraction of the real images' distance, from one epoch to the next
STILL_COUNT = 16  # images kept from one epoch to the next


@dataclass
class DiscriminatorCheck:
    """Whether D wins: it classifies almost all images correctly, so that G learns little or nothing.

    If the objective has a boundary between real and fake, both accuracies must be high and, if logits are log odds, D
    must be certain of the fakes. Otherwise only pairs can be compared, and a Wasserstein critic is meant to win all of
    them; then G's gradient must have vanished as well.

    Attributes:
        accuracy: fraction of images, or pairs, that D must classify correctly.
        log_norms: sum of the logarithms of G's gradient norms so far.
        rows: number of these norms.
    """

    accuracy: float
    log_norms: float = 0.0
    rows: int = 0

    def check(self, row: Mapping[str, float]) -> str | None:
        """The message for a row in which both networks were updated; "" if D does not win, None if not decidable."""
        if "d_loss" not in row or "g_loss" not in row:
            return None
        norm, usual = row.get("g_gradient_norm", math.nan), self.usual_norm
        if 0 < norm < math.inf:
            self.log_norms, self.rows = self.log_norms + math.log(norm), self.rows + 1
        vanished = norm < VANISHED * usual
        gradient = f"; G's gradient norm is {norm:.2g}" + (f", usually {usual:.2g}" if vanished else "")
        if "d_accuracy_pairs" in row:
            wins = row["d_accuracy_pairs"] >= self.accuracy and vanished
            return f"D classifies {row['d_accuracy_pairs']:.1%} of pairs correctly{gradient}" if wins else ""
        right = row["d_accuracy_real"], row["d_accuracy_fake"]
        if min(right) < self.accuracy or row.get("d_fake", 0.0) > SATURATED:
            return ""
        sure = f", its mean probability for fakes is {row['d_fake']:.2g}" if "d_fake" in row else ""
        return f"D classifies {right[0]:.1%} of real images and {right[1]:.1%} of fakes correctly{sure}{gradient}"

    @property
    def usual_norm(self) -> float:
        """The geometric mean of G's gradient norms so far; NaN if there are fewer than `FEW_ROWS`."""
        return math.exp(self.log_norms / self.rows) if self.rows >= FEW_ROWS else math.nan


@dataclass
class PictureCheck:
    """Checks of the images of fixed latents, once per epoch.

    Attributes:
        least: minimum diversity, as a multiple of the real images' diversity; below it the generator has collapsed.
        patience: generator updates before a generator that has never been diverse counts as collapsed.
        best: the highest diversity so far.
    """

    least: float
    patience: int
    best: float = 0.0

    def collapsed(self, pictures: "Pictures", updates: int) -> str:
        """The message; "" if the generator has not collapsed."""
        now = pictures.diversity
        self.best = max(self.best, now)  # NaN leaves it as it is
        fell = self.best >= 2 * self.least
        if not now < self.least or not (fell or updates >= self.patience):
            return ""
        within = " of the same class" if pictures.labels is not None else ""
        before = f"the highest value was {self.best:.0%}" if fell else f"it was never above {2 * self.least:.0%}"
        return (
            f"the mean distance between two {pictures.one}s{within} is {now:.0%} of the value for real "
            f"{pictures.one}s ({len(pictures.fake)} {pictures.one}s); {before}"
        )

    @staticmethod
    def dead(pictures: "Pictures") -> str:
        """The message; "" if the images differ."""
        if pictures.diversity < EQUAL:
            return f"all {len(pictures.fake)} {pictures.one}s are the same, for different latent vectors"
        if not pictures.of_points and contrast(pictures.fake) < FLAT * contrast(pictures.real):
            return f"{len(pictures.fake)} images have less than {FLAT:.0%} of the contrast of real images"
        return ""

    @staticmethod
    def still(pictures: "Pictures", before: Tensor) -> bool:
        """Whether the first images equal those of the last epoch, ``before`` (n, …)."""
        change = (pictures.fake[: len(before)] - before).flatten(1).cpu().double().norm(dim=1).mean()
        return bool(change <= STILL * pictures.scale)


@dataclass
class ClassCheck:
    """Whether classes, or modes of a toy distribution, are missing, by the metrics of many images.

    Attributes:
        patience: generator updates before a generator that has never generated all of them raises the alarm.
        whole: whether one measurement has found all of them.
    """

    patience: int
    whole: bool = False

    def missing(self, measures: Mapping[str, float], total: int, updates: int) -> str | None:
        """The message; "" if none is missing, None if the metrics do not contain a count.

        Args:
            measures: metrics of ``gan.metrics.quick`` by name: the number of missing classes, or of found modes.
            total: number of modes of the toy distribution.
        """
        if "modes" in measures:
            gone, seen = total - measures["modes"], f"{total - measures['modes']:.0f} of {total} modes are not covered"
        elif "missing" in measures:
            gone = measures["missing"]
            missing = "1 class is" if gone == 1 else f"{gone:.0f} classes are"
            seen = f"{missing} missing: less than a tenth of the frequency in real images (gan evaluate lists them)"
        else:
            return None
        self.whole = self.whole or not gone
        return seen if gone and (self.whole or updates >= self.patience) else ""


@dataclass(frozen=True)
class Pictures:
    """Fakes (N, C, H, W) and up to N real images (M, C, H, W), normalised.

    Attributes:
        labels, real_labels: (N,) and (M,) for a conditional generator.
    """

    fake: Tensor
    real: Tensor
    labels: Tensor | None = None
    real_labels: Tensor | None = None

    @property
    def diversity(self) -> float:
        return diversity(self.fake, self.real, self.labels, self.real_labels)

    @property
    def scale(self) -> float:
        """The mean distance of real images from their mean."""
        return float((self.real - self.real.mean(dim=0)).flatten(1).cpu().double().norm(dim=1).mean())

    @property
    def one(self) -> str:
        """The word for one of them."""
        return "point" if self.of_points else "image"

    @property
    def of_points(self) -> bool:
        return self.real.shape[-1] == 1


def alike(labels: Tensor, wanted: Tensor) -> Tensor:
    """Sorted indices into ``labels`` (M,): of each class the first ones, as many as in ``wanted`` (N,) if there are."""
    counts = zip(*wanted.unique(return_counts=True), strict=True)
    places = [torch.nonzero(labels == label)[: int(count), 0] for label, count in counts]
    return torch.cat(places).sort().values
