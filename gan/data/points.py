"""Points of the plane: toy distributions, which show the modes that a generator has lost, and points of a file."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gan.data.loaded import LoadedImages
from gan.data.registry import POINT_SHAPE, TOY_DISTRIBUTIONS, ToyDistribution
from gan.system.errors import DataError
from gan.system.random_streams import stream_seed

TRAIN, HELD_OUT = 100_000, 10_000  # PacGAN trains on 100,000
HIGH_QUALITY_STDS = 3.0


def load_points(name: str, seed: int) -> LoadedImages:
    """Draw 100,000 training points and 10,000 held-out points of a toy distribution; all modes are equally frequent.

    Points are "images" float32 (N, 2, 1, 1) in [0, 1]; the label is the number of the mode. All depend on ``seed``.
    """
    toy = TOY_DISTRIBUTIONS[name]
    images, labels = _draw(toy, TRAIN, seed, "points")
    held_out_images, held_out_labels = _draw(toy, HELD_OUT, seed, "held-out points")
    origin = (
        f"{name}: {TRAIN:,} points of {toy.title} to train on and {HELD_OUT:,} held out, drawn from seed {seed} "
        f"({toy.convention})"
    )
    return LoadedImages(images, labels, held_out_images, held_out_labels, name, toy.class_names, origin)


def _draw(toy: ToyDistribution, count: int, seed: int, purpose: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(stream_seed(seed, 0, f"{toy.name} {purpose}", 0))
    labels = torch.arange(count) % len(toy.centres)
    noise = torch.randn(count, 2, generator=generator)
    points = torch.tensor(toy.centres)[labels] + toy.std * noise
    return points.view(count, 2, 1, 1), labels


def given_points(values: Any, what: str) -> Tensor:
    """float32 (N, 2, 1, 1) from an array or a tensor of points, floats (N, 2) in [0, 1].

    Args:
        what: beginning of messages: the setting and its value.

    Raises:
        DataError: a point is not in [0, 1], or there is none.
    """
    points = torch.from_numpy(np.array(values, dtype=np.float32))
    if not len(points):
        raise DataError(f"{what}: there are no points in it")
    least, most = points.min().item(), points.max().item()  # NaN if a value is
    if not (least >= 0 and most <= 1):
        raise DataError(f"{what}: points from {least:.3g} to {most:.3g}; x and y from 0 to 1 expected")
    return points.view(-1, *POINT_SHAPE)


class Coverage(NamedTuple):
    """Coverage of a mixture by generated points.

    Attributes:
        modes: number of covered modes.
        high_quality: fraction of high-quality points, in [0, 1]; 0 if there are no points.
    """

    modes: int
    high_quality: float


def modes_covered(points: Tensor, centres: Tensor, std: float) -> Coverage:
    """The modes of a mixture that generated points cover, and the fraction of high-quality points.

    The convention of VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018): a point is of high quality if it
    lies within 3 standard deviations of the nearest centre; a mode is covered if it is the nearest one to at least one
    such point. Both papers use 2,500 points. Of real points 98.9 %, 1 - exp(-9/2), are of high quality.

    Args:
        points: float (N, 2) or (N, 2, 1, 1), in the units of ``centres``, not normalised. A point that is not finite
            is never of high quality.
        centres: float (modes, 2), as ``ToyDistribution.centres``.
        std: standard deviation of each mode along each axis.
    """
    points = points.detach().float().reshape(len(points), 2)
    if not len(points):
        return Coverage(0, 0.0)
    distances = (points[:, None] - centres.to(points)).square().sum(dim=2).sqrt()  # (N, modes)
    nearest = distances.min(dim=1)
    good = nearest.values <= HIGH_QUALITY_STDS * std
    return Coverage(len(nearest.indices[good].unique()), good.float().mean().item())
