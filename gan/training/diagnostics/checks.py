"""What in a row of numbers, a few pictures or measures says that a game goes wrong: conditions, each with its words.

A condition says what is seen now. Whether that counts, and from when on, is for `alarms.Debounce` to say.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan.metrics.diversity import contrast, diversity

FEW_ROWS = 10  # before that many there is no usual gradient norm
VANISHED = 0.01  # of the usual gradient norm
SATURATED = 0.01  # D's mean probability of fakes being real, below which minimax has no gradient
FLAT = 0.02  # of the real images' contrast
EQUAL = 0.002  # of the real images' distance
STILL = 1e-5  # of the real images' distance, from one epoch to the next
STILL_COUNT = 16  # pictures kept from one epoch to the next


@dataclass
class DiscriminatorCheck:
    """Does D win? It tells all images right, so that G learns little or nothing.

    With a boundary between real and fake: it is right about (almost) all of both and, where logits are log odds, sure
    of it. Where only pairs can be judged, as by a Wasserstein critic, which is to win them all: G's gradient vanishes
    too.

    Attributes:
        accuracy: part of the images, or of the pairs, that D must tell right.
        log_norms: sum of the logarithms of G's gradient norms so far.
        rows: how many these are.
    """

    accuracy: float
    log_norms: float = 0.0
    rows: int = 0

    def check(self, row: Mapping[str, float]) -> str | None:
        """What is seen of a row in which both networks were updated; "" if nothing, None if the row cannot tell."""
        if "d_loss" not in row or "g_loss" not in row:
            return None
        norm, usual = row.get("g_gradient_norm", math.nan), self.usual_norm
        if 0 < norm < math.inf:
            self.log_norms, self.rows = self.log_norms + math.log(norm), self.rows + 1
        vanished = norm < VANISHED * usual
        gradient = f"; G's gradient norm is {norm:.2g}" + (f", usually {usual:.2g}" if vanished else "")
        if "d_accuracy_pairs" in row:
            wins = row["d_accuracy_pairs"] >= self.accuracy and vanished
            return f"D tells {row['d_accuracy_pairs']:.1%} of pairs right{gradient}" if wins else ""
        right = row["d_accuracy_real"], row["d_accuracy_fake"]
        if min(right) < self.accuracy or row.get("d_fake", 0.0) > SATURATED:
            return ""
        sure = f", its probability of fakes is {row['d_fake']:.2g}" if "d_fake" in row else ""
        return f"D tells {right[0]:.1%} of real images and {right[1]:.1%} of fakes right{sure}{gradient}"

    @property
    def usual_norm(self) -> float:
        """The geometric mean of G's gradient norms so far; NaN of few rows."""
        return math.exp(self.log_norms / self.rows) if self.rows >= FEW_ROWS else math.nan


@dataclass
class PictureCheck:
    """What pictures of the same latents say of the generator, once an epoch.

    Attributes:
        least: diversity, as a multiple of the real images', below which it has collapsed.
        patience: generator updates that a generator which has never been diverse is given.
        best: the highest diversity so far.
    """

    least: float
    patience: int
    best: float = 0.0

    def collapsed(self, pictures: "Pictures", updates: int) -> str:
        """What is seen; "" if it has not collapsed."""
        now = pictures.diversity
        self.best = max(self.best, now)  # NaN leaves it as it is
        fell = self.best >= 2 * self.least
        if not now < self.least or not (fell or updates >= self.patience):
            return ""
        within = " of one class" if pictures.labels is not None else ""
        once = f", once {self.best:.0%}" if fell else ", and never were much more"
        them = f"{len(pictures.fake)} {pictures.one}s{within}"
        return f"{them} are {now:.0%} as different from each other as real ones{once}"

    @staticmethod
    def dead(pictures: "Pictures") -> str:
        """What is seen; "" if it is alive."""
        if pictures.diversity < EQUAL:
            return f"all {len(pictures.fake)} {pictures.one}s are the same, whatever z is"
        if not pictures.of_points and contrast(pictures.fake) < FLAT * contrast(pictures.real):
            return f"{len(pictures.fake)} images of one grey each"
        return ""

    @staticmethod
    def still(pictures: "Pictures", before: Tensor) -> bool:
        """True if the first latents make what they made before, (n, …)."""
        change = (pictures.fake[: len(before)] - before).flatten(1).cpu().double().norm(dim=1).mean()
        return bool(change <= STILL * pictures.scale)


@dataclass
class ClassCheck:
    """What the measures of many images say: are all classes, or in a world of points all modes, there?

    Attributes:
        patience: generator updates that a generator which has never made all of them is given.
        whole: has one measurement found them all?
    """

    patience: int
    whole: bool = False

    def missing(self, measures: Mapping[str, float], total: int, updates: int) -> str | None:
        """What is seen; "" if none is missing, None if the measures cannot tell.

        Args:
            measures: those of ``gan.metrics.quick``, by name: a count of the classes missing, or of the modes found.
            total: how many modes a world of points has.
        """
        if "modes" in measures:
            gone, seen = total - measures["modes"], f"{total - measures['modes']:.0f} of {total} modes are not covered"
        elif "missing" in measures:
            gone = measures["missing"]
            missing = "1 class is" if gone == 1 else f"{gone:.0f} classes are"
            seen = f"{missing} missing, with less than a tenth of the share in real images (gan evaluate names them)"
        else:
            return None
        self.whole = self.whole or not gone
        return seen if gone and (self.whole or updates >= self.patience) else ""


@dataclass(frozen=True)
class Pictures:
    """Fakes (N, C, H, W) beside as many real images, or as many as there are; normalised.

    Attributes:
        labels, real_labels: of a conditional generator, (N,) and (M,).
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
        """How large real images are: the mean distance from their mean."""
        return float((self.real - self.real.mean(dim=0)).flatten(1).cpu().double().norm(dim=1).mean())

    @property
    def one(self) -> str:
        """What one of them is called."""
        return "point" if self.of_points else "image"

    @property
    def of_points(self) -> bool:
        return self.real.shape[-1] == 1


def alike(labels: Tensor, wanted: Tensor) -> Tensor:
    """Places in ``labels`` (M,), in order: of each class the first, as many as ``wanted`` (N,) has, or there are."""
    places = [torch.nonzero(labels == label)[: int(count), 0] for label, count in _counts(wanted)]
    return torch.cat(places).sort().values


def _counts(labels: Tensor) -> list[tuple[Any, Any]]:
    return list(zip(*labels.unique(return_counts=True), strict=True))
