"""A figure of generated images with their nearest training images, to check for copies."""

import torch
from torch import Tensor

from gan.data.resizing import resized
from gan.generators.pictures import grid, png
from gan.metrics.reference import SHOWN, Reference

COLUMNS = 16


def picture_of_nearest(images: Tensor, reference: Reference, count: int = 2 * COLUMNS, scale: int = 2) -> bytes:
    """A PNG: generated images in rows 1, 3, …, and below each its nearest training image; nearest pairs first.

    Args:
        images: uint8 (N, C, H, W); only the first `SHOWN` are used.
        count: number of pairs drawn. scale: each pixel becomes scale x scale.
    """
    looked_at = images[:SHOWN]
    distances, index = reference.nearest_training_image(looked_at)
    order = distances.argsort()[:count]
    real = reference.training_images(index[order])
    if real.shape != looked_at[order].shape:  # trained on images of another size
        real = resized(real, looked_at.shape[-1])
    pairs = zip(looked_at[order].split(COLUMNS), real.split(COLUMNS), strict=True)
    drawn = torch.cat([torch.cat([_filled(fake), _filled(real)]) for fake, real in pairs])
    return png(grid(drawn.numpy(), columns=COLUMNS, scale=scale))


def _filled(row: Tensor) -> Tensor:
    """A row of `COLUMNS` images, padded with black images."""
    return torch.cat([row, row.new_zeros(COLUMNS - len(row), *row.shape[1:])])
