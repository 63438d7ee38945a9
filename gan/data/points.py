"""Points of the plane in place of images: mixtures of Gaussians on which it shows which modes a generator has lost."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan.data.loaded import LoadedImages
from gan.data.registry import WORLDS, World
from gan.system.random_streams import stream_seed

TRAIN, HELD_OUT = 100_000, 10_000  # PacGAN trains on 100,000
HIGH_QUALITY_STDS = 3.0


def load_points(name: str, seed: int) -> LoadedImages:
    """100,000 points of a world in ``WORLDS`` to train on and 10,000 held out, equally many of each mode, by turns.

    Points are "images" float32 (N, 2, 1, 1) in [0, 1]; labels number the modes. They depend on ``seed`` alone.
    """
    world = WORLDS[name]
    images, labels = _draw(world, TRAIN, seed, "points")
    held_out_images, held_out_labels = _draw(world, HELD_OUT, seed, "held-out points")
    origin = (
        f"{name}: {TRAIN:,} points of {world.title} to train on and {HELD_OUT:,} held out, drawn from seed {seed} "
        f"({world.convention})"
    )
    return LoadedImages(images, labels, held_out_images, held_out_labels, name, world.class_names, origin)


def _draw(world: World, count: int, seed: int, purpose: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(stream_seed(seed, 0, f"{world.name} {purpose}", 0))
    labels = torch.arange(count) % len(world.centres)
    noise = torch.randn(count, 2, generator=generator)
    points = torch.tensor(world.centres)[labels] + world.std * noise
    return points.view(count, 2, 1, 1), labels


class Coverage(NamedTuple):
    """What generated points have of a mixture.

    Attributes:
        modes: how many modes are covered.
        high_quality: fraction of the points that are of high quality, in [0, 1]; 0 of no points.
    """

    modes: int
    high_quality: float


def modes_covered(points: Tensor, centres: Tensor, std: float) -> Coverage:
    """How many modes of a mixture generated points have, and how many of the points are any good.

    The convention of VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018): a point is of high quality if it
    lies within 3 standard deviations of the nearest centre; a mode is covered if it is the nearest one to at least one
    such point. They look at 2,500 points. Of real points 98.9 % are of high quality, as exp(-9/2) tells.

    Args:
        points: float (N, 2) or (N, 2, 1, 1), in the units of ``centres``: at rest, not normalised. One that is not
            finite is of no quality.
        centres: float (modes, 2), as ``World.centres``.
        std: of each mode, along each axis.
    """
    points = points.detach().float().reshape(len(points), 2)
    if not len(points):
        return Coverage(0, 0.0)
    distances = (points[:, None] - centres.to(points)).square().sum(dim=2).sqrt()  # (N, modes)
    nearest = distances.min(dim=1)
    good = nearest.values <= HIGH_QUALITY_STDS * std
    return Coverage(len(nearest.indices[good].unique()), good.float().mean().item())
