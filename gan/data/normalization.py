"""Normalisation of images for training, (x - mean) / std with x in [0, 1], and its inverse.

Stored pictures are uint8, where 0 … 255 stands for [0, 1]. Stored 2-D points are float32 in [0, 1].
"""

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from gan.data.registry import POINT_SHAPE


def normalize(images: Tensor, mean: float, std: float) -> Tensor:
    """(x - mean) / std, float32 of the same shape on the same device; x is an image / 255 if it is uint8.

    Args:
        images: uint8 in 0 … 255, or floats in [0, 1], of any shape; not changed.

    Bit-equal to torchvision's ``ToTensor`` followed by ``Normalize(mean, std)``.
    """
    full, mean_, std_ = _constants(mean, std, images.device)
    if images.is_floating_point():
        return images.to(torch.float32).sub(mean_).div_(std_)
    return images.to(torch.float32).div_(full).sub_(mean_).div_(std_)


@functools.lru_cache
def _constants(mean: float, std: float, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """0-dim tensors: CUDA multiplies by the reciprocal of a Python number, which can differ in the last bit."""
    full, mean_, std_ = (torch.full((), value, device=device) for value in (255.0, mean, std))
    return full, mean_, std_


def denormalize(images: Tensor, mean: float, std: float, at_rest: torch.dtype = torch.uint8) -> Tensor:
    """Convert outputs of a network, of any shape and float dtype, to the stored dtype ``at_rest``.

    uint8: rounded and clamped to 0 … 255; ``denormalize(normalize(x, m, s), m, s)`` is x for all 256 values. float32,
    for points: x * std + mean without a clamp, because a generated point may be outside of [0, 1].
    """
    units = images.detach().float().mul(std).add_(mean)
    if at_rest.is_floating_point:
        return units.to(at_rest)
    return units.mul_(255.0).round_().clamp_(0, 255).to(torch.uint8)


def dtype_at_rest(image_shape: Sequence[int]) -> torch.dtype:
    """The stored dtype: float32 for 2-D points, whose shape is (2, 1, 1); uint8 for pictures."""
    return torch.float32 if tuple(image_shape) == POINT_SHAPE else torch.uint8
