"""Measures built on nearest neighbours: are the images real ones, are all kinds there, and were they learnt by heart?

Precision and recall: Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models".
Density and coverage: Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models". The
definitions are those of the latter's package `prdc`: one k for all four, an image is no neighbour of its own.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan.system.errors import GanError

BLOCK = 1000  # rows of a distance matrix that are in memory at a time


@dataclass(frozen=True)
class Neighbourhoods:
    """What the k nearest neighbours say of a set of fakes.

    Attributes:
        precision: part of the fakes that lie in the ball of some real image, out to its k-th neighbour. In [0, 1].
        recall: part of the real images that lie in the ball of some fake. In [0, 1].
        density: real images' balls that a fake lies in, per k: like precision, but not fooled by a few real outliers
            with wide balls. From 0, about 1 for real images; above 1 where fakes crowd at the typical.
        coverage: part of the real images that have a fake in their ball. In [0, 1]; depends on the number of images.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhoods(real: Tensor, fake: Tensor, k: int = 5) -> Neighbourhoods:
    """Precision, recall, density and coverage of features (N, D) and (M, D); memory grows as N + M only.

    Raises:
        GanError: k is not from 1 to the smaller set's size less 1.
    """
    available = min(len(real), len(fake)) - 1
    if not 1 <= k <= available:
        raise GanError(f"nearest neighbours: k={k}; 1 to {available} expected, the smaller set's size less 1")
    real, fake = real.cpu().double(), fake.cpu().double()
    real_radii, fake_radii = radii(real, k), radii(fake, k)
    inside_a_real_ball = torch.zeros(len(fake), dtype=torch.int64)
    inside_a_fake_ball, holds_a_fake = 0, 0
    for rows, radius in zip(real.split(BLOCK), real_radii.split(BLOCK), strict=True):
        distances = squared_distances(rows, fake)
        within = distances < radius[:, None]
        inside_a_real_ball += within.sum(0)
        holds_a_fake += int(within.any(1).sum())
        inside_a_fake_ball += int((distances < fake_radii).any(1).sum())
    return Neighbourhoods(
        precision=int((inside_a_real_ball > 0).sum()) / len(fake),
        recall=inside_a_fake_ball / len(real),
        density=float(inside_a_real_ball.sum()) / (k * len(fake)),
        coverage=holds_a_fake / len(real),
    )


def radii(features: Tensor, k: int) -> Tensor:
    """Squared distance (N,) of each of the features (N, D) to its k-th nearest neighbour in the set."""
    # the nearest of all is the image itself
    nearest_first = (squared_distances(rows, features).topk(k + 1, largest=False) for rows in features.split(BLOCK))
    return torch.cat([distances.values[:, k] for distances in nearest_first])


def nearest(images: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distance and index (N,) of the nearest row of ``among`` (M, D) to each row of ``images`` (N, D)."""
    best = torch.full((len(images),), torch.inf, dtype=images.dtype)
    index = torch.zeros(len(images), dtype=torch.int64)
    for start in range(0, len(among), BLOCK):
        distance, position = squared_distances(images, among[start : start + BLOCK]).min(1)
        closer = distance < best
        best[closer] = distance[closer]
        index[closer] = position[closer] + start
    return best, index


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """(N, D), (M, D) -> (N, M), 0 or more."""
    squares = first.square().sum(1)[:, None] + second.square().sum(1)[None, :]
    return torch.addmm(squares, first, second.T, alpha=-2).clamp_(min=0)


@dataclass(frozen=True)
class MemorisationResult:
    """How near the fakes lie to training images, compared with images that nobody has trained on.

    Attributes:
        ratio: median distance of a fake to its nearest training image, by that of a held-out image. About 1 for new
            images; 0 for copies. Below 1 also for images that are merely simple: read it together with ``copied``.
        copied: part of the fakes that lie nearer to a training image than all but 1 % of the held-out images do. About
            0.01 for new images, 1 for copies.
    """

    ratio: float
    copied: float


def memorisation(fake: Tensor, held_out: Tensor) -> MemorisationResult:
    """From the distances of fakes (N,) and of held-out images (M,) to the nearest training image of each."""
    typical = float(held_out.median())
    fake, held_out = fake.cpu().double(), held_out.cpu().double()
    threshold = held_out.quantile(0.01)
    return MemorisationResult(
        ratio=float(fake.median()) / typical if typical > 0 else float("nan"),
        copied=int((fake < threshold).sum()) / len(fake),
    )
