"""Between bytes at rest and floats in training: (x - mean) / std with x in [0, 1], and back."""

import torch
from torch import Tensor


def normalize(images: Tensor, mean: float, std: float) -> Tensor:
    """uint8 in 0 … 255, any shape -> float32 of that shape on the same device, (x / 255 - mean) / std.

    Bit-equal to torchvision's ``ToTensor`` followed by ``Normalize(mean, std)``: the same operations in that order.
    """
    # 0-dim tensors, not Python numbers: CUDA multiplies by the reciprocal of a number, which is off by a last bit
    full, mean_, std_ = (torch.full((), value, device=images.device) for value in (255.0, mean, std))
    return images.to(torch.float32).div_(full).sub_(mean_).div_(std_)


def denormalize(images: Tensor, mean: float, std: float) -> Tensor:
    """Floats as a network gives them, any shape and float dtype -> uint8 in 0 … 255: rounded, clamped.

    The inverse of ``normalize``: ``denormalize(normalize(x, m, s), m, s)`` is x for all 256 values.
    """
    return images.detach().float().mul(std).add_(mean).mul_(255.0).round_().clamp_(0, 255).to(torch.uint8)
