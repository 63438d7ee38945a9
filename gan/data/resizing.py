"""Resizing and channel conversion of a uint8 dataset, once before training."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan.data.loaded import LoadedImages
from gan.data.memory import check_memory

CHUNK = 1024  # images converted to floats at once

# ITU-R 601 luma as 16-bit fractions with sum 65,536, as in Pillow, so that folders and datasets get the same grey
LUMA = (19595, 38470, 7471)


def fitted(loaded: LoadedImages, image_size: int | None = None, image_channels: int | None = None) -> LoadedImages:
    """The dataset with images of shape (image_channels, image_size, image_size); None for no change.

    Raises:
        DataError: the images do not fit into memory.
    """
    channels, height, width = loaded.images.shape[1:]
    wanted = (image_channels or channels, image_size or height, image_size or width)
    if wanted == (channels, height, width):
        return loaded
    asked = {"image_size": image_size, "image_channels": image_channels}
    check_memory(
        " ".join(f"data.{name}={value}" for name, value in asked.items() if value is not None),
        len(loaded.images) + len(loaded.held_out_images),
        wanted,
        "smaller or grey images need less",
    )
    changes = []
    if wanted[1:] != (height, width):
        changes.append(f"{wanted[1]} x {wanted[2]} pixels instead of {height} x {width}")
    if wanted[0] != channels:
        changes.append("in grey" if wanted[0] == 1 else "three equal channels instead of grey")
    return replace(
        loaded,
        images=resized(with_channels(loaded.images, image_channels), image_size),
        held_out_images=resized(with_channels(loaded.held_out_images, image_channels), image_size),
        origin=f"{loaded.origin}; {', '.join(changes)}",
    )


def with_channels(images: Tensor, image_channels: int | None) -> Tensor:
    """uint8 (N, C, H, W) with 1 channel (luma) or 3 channels (repeated grey); None for no change.

    Luma is (19595 R + 38470 G + 7471 B + 32768) // 65536, as Pillow's ``convert("L")``.
    """
    channels = images.shape[1]
    if image_channels is None or image_channels == channels:
        return images
    if image_channels == 3:
        return images.repeat(1, 3, 1, 1)
    weights = torch.tensor(LUMA, dtype=torch.int32).view(1, 3, 1, 1)
    parts = [
        ((part.int() * weights).sum(dim=1, keepdim=True, dtype=torch.int32) + 32768) // 65536
        for part in images.split(CHUNK)
    ]
    return torch.cat([part.to(torch.uint8) for part in parts])


def resized(images: Tensor, image_size: int | None) -> Tensor:
    """uint8 (N, C, image_size, image_size), bilinear with antialiasing, rounded; None for no change.

    Antialiasing widens the filter for smaller images, so that every pixel is used. Results stay in 0 … 255.
    """
    if image_size is None or images.shape[2:] == (image_size, image_size):
        return images
    new = torch.empty(len(images), images.shape[1], image_size, image_size, dtype=torch.uint8)
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK].float()
        sized = interpolate(part, size=(image_size, image_size), mode="bilinear", antialias=True, align_corners=False)
        new[start : start + CHUNK] = sized.round_().clamp_(0, 255).to(torch.uint8)
    return new
