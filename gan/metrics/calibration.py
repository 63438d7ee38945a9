"""Calibration of the metrics: real held-out images, degraded in known ways and measured like generated images."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from gan.data.sources import LoadedImages


def made_worse(data: LoadedImages) -> dict[str, Tensor]:
    """Name of the degradation -> uint8 images (N, C, H, W), for grey datasets. Deterministic for the same data."""
    images, labels, count = data.held_out_images, data.held_out_labels, len(data.held_out_images)
    random = torch.Generator().manual_seed(0)
    noise = 255 * torch.randn(images.shape, generator=random)
    smooth = avg_pool2d(images.float(), 3, stride=1, padding=1)
    mixed = images[torch.randperm(count, generator=random)]
    learnt = torch.randperm(len(data.images), generator=random)[:count]
    last, half = len(data.class_names) - 1, len(data.class_names) // 2
    return {
        "unchanged": images,
        "noise of 0.05": _as_bytes(images + 0.05 * noise),
        "noise of 0.1": _as_bytes(images + 0.1 * noise),
        "noise of 0.2": _as_bytes(images + 0.2 * noise),
        "blurred by a half": _as_bytes((images + smooth) / 2),
        "blurred, mean of 3 x 3": _as_bytes(smooth),
        "shifted by 1 pixel": images.roll(1, dims=3),
        "shifted by 3 pixels": images.roll(3, dims=3),
        "without the last class": images[labels != last],
        "half of the classes": images[labels < half],
        "a tenth, 10 times each": mixed[: count // 10].repeat(10, 1, 1, 1),
        "a hundredth, 100 times each": mixed[: count // 100].repeat(100, 1, 1, 1),
        "training images": data.images[learnt],
    }


def _as_bytes(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255).to(torch.uint8)
