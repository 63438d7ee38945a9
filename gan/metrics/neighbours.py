"""Metrics based on nearest neighbours: precision, recall, density, coverage and memorisation.

Precision and recall: Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models".
Density and coverage: Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models". The
definitions follow the package `prdc` of Naeem et al.: one k for all four; an image is not its own neighbour.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan.system.errors import GanError

BLOCK = 1000  # rows of a distance matrix in memory at a time


@dataclass(frozen=True)
class Neighbourhoods:
    """Metrics of generated images ("fakes"). The radius of an image's ball is the distance to its k-th neighbour.

    Attributes:
        precision: fraction of the fakes that lie in the ball of a real image. In [0, 1].
        recall: fraction of the real images that lie in the ball of a fake. In [0, 1].
        density: mean number of real balls that contain a fake, divided by k. Unlike precision, it is robust to real
            outliers with large balls. 0 or more; about 1 for real images, above 1 if fakes concentrate on typical ones.
        coverage: fraction of the real images with a fake in their ball. In [0, 1]; depends on the number of images.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhoods(real: Tensor, fake: Tensor, k: int = 5) -> Neighbourhoods:
    """Precision, recall, density and coverage of features (N, D) and (M, D); memory use grows only as N + M.

    Raises:
        GanError: k is not between 1 and the size of the smaller set minus 1.
    """
    available = min(len(real), len(fake)) - 1
    if not 1 <= k <= available:
        raise GanError(f"nearest neighbours: k={k}; 1 to {available} expected: the size of the smaller set minus 1")
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
    """Squared distance (N,) from each row of features (N, D) to its k-th nearest neighbour in the set."""
    # The nearest row is the row itself.
    nearest_first = (squared_distances(rows, features).topk(k + 1, largest=False) for rows in features.split(BLOCK))
    return torch.cat([distances.values[:, k] for distances in nearest_first])


def nearest(images: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distance and index (N,) of the nearest row of ``among`` (M, D) to each row of ``images`` (N, D)."""
    best = torch.full((len(images),), torch.inf, dtype=images.dtype, device=images.device)
    index = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    for start in range(0, len(among), BLOCK):
        distance, position = squared_distances(images, among[start : start + BLOCK]).min(1)
        closer = distance < best
        best[closer] = distance[closer]
        index[closer] = position[closer] + start
    return best, index


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """Squared distances, (N, D), (M, D) -> (N, M), 0 or more."""
    squares = first.square().sum(1)[:, None] + second.square().sum(1)[None, :]
    return torch.addmm(squares, first, second.T, alpha=-2).clamp_(min=0)


@dataclass(frozen=True)
class MemorisationResult:
    """Distance of generated images to training images, compared with held-out images.

    Attributes:
        ratio: median distance of a fake to its nearest training image, divided by the same median of held-out images.
            About 1 for new images, 0 for copies. Simple images also get less than 1: read it with ``copied``.
        copied: fraction of the fakes that are nearer to a training image than all but the nearest 1 % of the held-out
            images. About 0.01 for new images, 1 for copies.
    """

    ratio: float
    copied: float


def memorisation(fake: Tensor, held_out: Tensor) -> MemorisationResult:
    """The result from the distances of fakes (N,) and of held-out images (M,) to their nearest training images."""
    typical = float(held_out.median())
    fake, held_out = fake.cpu().double(), held_out.cpu().double()
    threshold = held_out.quantile(0.01)
    return MemorisationResult(
        ratio=float(fake.median()) / typical if typical > 0 else float("nan"),
        copied=int((fake <= threshold).sum()) / len(fake),
    )
