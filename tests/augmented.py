"""What the tests of augmentation have in common: images without a black pixel, and operations on all of them."""

from collections.abc import Callable

import torch
from torch import Tensor

from gan.game.augmentation import Pixels

PIXELS = Pixels()
Operation = Callable[[Tensor, Tensor, Pixels], Tensor]


def some(count: int, shape: tuple[int, int, int] = (1, 28, 28), dtype: torch.dtype = torch.float32) -> Tensor:
    """Images without a black pixel, so that black tells what has been filled in."""
    return (torch.rand(count, *shape) * 1.8 - 0.9).to(dtype)


def all_of(images: Tensor) -> Tensor:
    return torch.ones(len(images), 1, 1, 1, dtype=torch.bool)
