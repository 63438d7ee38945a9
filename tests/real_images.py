"""Real images of the bundled samples, and what is done to them."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from gan.data.sources import LoadedImages, load

SETS = ("mnist", "fashion")


def sample_of(name: str) -> LoadedImages:
    return load(f"{name}_sample")


def few_of(name: str) -> LoadedImages:
    """3,000 to compare with and the 1,000 held out."""
    sample = sample_of(name)
    return replace(sample, images=sample.images[-3000:], labels=sample.labels[-3000:])


def noisy(images: Tensor, amount: float) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    return as_bytes(images / 255 + amount * noise)


def blurred(images: Tensor, amount: float) -> Tensor:
    pixels = images / 255
    smooth = avg_pool2d(pixels, 3, stride=1, padding=1)
    return as_bytes((1 - amount) * pixels + amount * smooth)


def shifted(images: Tensor, pixels: int) -> Tensor:
    return images.roll(pixels, dims=3)


def duplicated(images: Tensor, different: int) -> Tensor:
    return images[torch.arange(len(images)) % different]


def as_bytes(pixels: Tensor) -> Tensor:
    return (pixels.clamp(0, 1) * 255).round().to(torch.uint8)
