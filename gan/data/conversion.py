"""Conversion of images of any source (arrays, tensors, PIL images, datasets) to uint8 (N, C, H, W)."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset
from tqdm import tqdm

from gan.data.memory import check_memory
from gan.data.picture_files import GREY_MODES, in_8_bits
from gan.data.registry import IMAGE_SIZES
from gan.data.resizing import CHUNK, resized, with_channels
from gan.system import process
from gan.system.errors import DataError, in_one_line

logger = logging.getLogger(__name__)

TOLERANCE = 1e-3  # of the limits of floats
SMALLER = "a smaller data.image_size or data.image_channels=1 needs less"
IMAGE_KEYS = ("image", "images", "img")
LABEL_KEYS = ("label", "labels", "target")


class Form(NamedTuple):
    """The settings of `data` that change images: see `gan.ImageData`."""

    image_size: int | None = None
    image_channels: int | None = None
    fit: str | None = None


def from_array(values: Any, what: str, form: Form) -> Tensor:
    """uint8 (N, C, H, W) of the wanted form, from an array or a tensor of images.

    Args:
        values: (N, H, W), (N, C, H, W) or (N, H, W, C); integers in 0 … 255, or floats in [0, 1] or [-1, 1].
        what: beginning of messages: the setting and its value.

    Raises:
        DataError: another shape, type or range, or the images do not fit into memory.
    """
    if not len(values):
        raise DataError(f"{what}: there are no images in it")
    first = _part(values, 0, 1, what)
    image_shape = shaped(torch.zeros(first.shape, dtype=torch.uint8), what, form).shape[1:]
    check_memory(what, len(values), image_shape, "fewer or smaller images need less")
    images = torch.empty(len(values), *image_shape, dtype=torch.uint8)
    starts = range(0, len(values), CHUNK)
    signed = False
    if first.is_floating_point():  # floats are read twice, because one that is negative tells the range of all
        parts = (to_levels(_part(values, start, start + CHUNK, what), what, start) for start in starts)
        signed = any([bool((part < 0).any()) for part in parts])
        _tell_range(what, signed)
    for start in starts:
        levels = to_levels(_part(values, start, start + CHUNK, what), what, start)
        images[start : start + CHUNK] = shaped(from_levels(levels, signed=signed), what, form)
    return images


def _tell_range(what: str, signed: bool) -> None:
    if process.local_rank() == 0:
        logger.info("%s: read as floats in %s", what, "[-1, 1]" if signed else "[0, 1]")


def _part(values: Any, start: int, end: int, what: str) -> Tensor:
    return channels_first(_tensor(values[start:end], what), what)


def from_items(items: Any, what: str, form: Form) -> tuple[Tensor, list[Any] | None]:
    """Images uint8 (N, C, H, W) of the wanted form, and their labels, from a dataset; each item is read once.

    Args:
        items: a map-style or iterable dataset whose items are an image, (image, label) or a dict with both. An image
            is a PIL image, or an array or tensor (H, W), (C, H, W) or (H, W, C).

    Raises:
        DataError: an item cannot be read or is no image, images differ in size, or they do not fit into memory.
    """
    count = len(items) if hasattr(items, "__len__") else None
    found: list[Tensor] = []  # uint8 (C, H, W)
    labels: list[Any] = []
    kind, signed = None, False
    for number, item in enumerate(_read(items, count, what)):
        where = f"{what}: image {number}"
        image, label = _parts(item)
        levels = _levels(image, where, form)
        if kind not in (None, levels.dtype):
            raise DataError(f"{where} has another type of numbers than image 0")
        kind = levels.dtype
        if not signed and levels.dtype == torch.int16 and bool((levels < 0).any()):
            signed = True  # so those before are in [-1, 1] too, and were taken for [0, 1]
            found = [from_levels(before.to(torch.int16), signed=True) for before in found]
        found.append(shaped(from_levels(levels, signed=signed), where, form)[0])
        labels.append(label)
        if number == 0 and count is not None:
            check_memory(what, count, found[0].shape, SMALLER)
        elif count is None and number % CHUNK == 0:
            check_memory(what, len(found), found[0].shape, SMALLER)
    if not found:
        raise DataError(f"{what}: there are no images in it")
    _check_alike(found, what)
    images = torch.empty(len(found), *found[0].shape, dtype=torch.uint8)
    for number in range(len(found)):
        images[number], found[number] = found[number], found[0][:0]  # without two copies of all images
    if kind == torch.int16:
        _tell_range(what, signed)
    return images, None if all(label is None for label in labels) else labels


def _read(items: Any, count: int | None, what: str) -> Iterator[Any]:
    bar = {
        "desc": f"reading {what.rpartition('=')[2]}",
        "unit": " images",
        "disable": True if process.local_rank() else None,
    }
    by_index = count is not None and hasattr(type(items), "__getitem__") and not isinstance(items, IterableDataset)
    iterator = (items[number] for number in range(count or 0)) if by_index else iter(items)
    number = 0
    with tqdm(total=count, leave=False, **bar) as progress:
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                return
            except Exception as error:  # of the user's code, or of a damaged file
                reason = in_one_line(error)
                raise DataError(f"{what}: image {number} cannot be read: {reason}") from error
            yield item
            number += 1
            progress.update()


def _parts(item: Any) -> tuple[Any, Any]:
    """Image and label of an item; None for no label."""
    if isinstance(item, Mapping):
        image = next((item[key] for key in IMAGE_KEYS if key in item), None)
        return image, next((item[key] for key in LABEL_KEYS if key in item), None)
    if isinstance(item, tuple | list):
        return item[0] if item else None, item[1] if len(item) > 1 else None
    return item, None


def _levels(image: Any, what: str, form: Form) -> Tensor:
    """One image (1, C, H, W): uint8, or int16 levels of floats, see `to_levels`."""
    if isinstance(image, Image.Image):
        if image.mode[0] in "IF":
            raise DataError(
                f"{what}: a picture of mode {image.mode} given, whose values have no known range; convert it to 8 "
                "bits, or keep the pictures as files: data=folder finds their common range"
            )
        is_grey = image.mode in GREY_MODES if form.image_channels is None else form.image_channels == 1
        image = np.array(in_8_bits(image, 1 if is_grey else 3))
    if not isinstance(image, Tensor | np.ndarray) or image.ndim not in (2, 3):
        shown = f"of shape {tuple(image.shape)}" if hasattr(image, "shape") else type(image).__name__
        raise DataError(f"{what}: {shown} given; a PIL image, or an array H x W, C x H x W or H x W x C expected")
    return to_levels(channels_first(_tensor(image[None], what), what), what, None)


def _check_alike(images: list[Tensor], what: str) -> None:
    for number, image in enumerate(images):
        if image.shape != images[0].shape:
            one, other = (" x ".join(map(str, each.shape)) for each in (image, images[0]))
            is_size = image.shape[1:] != images[0].shape[1:]
            remedy = f"data.image_size={min(images[0].shape[1], 128)}" if is_size else "data.image_channels=1 or 3"
            raise DataError(f"{what}: image {number} is {one} and image 0 is {other}; give {remedy} to convert all")


def _tensor(values: Any, what: str) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach().cpu()
    array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise DataError(f"{what}: images of type {array.dtype}; integers or floats expected")
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)
    return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=True)))


def channels_first(images: Tensor, what: str) -> Tensor:
    """(N, C, H, W) of (N, H, W), (N, C, H, W) or (N, H, W, C); 1 or 3 channels."""
    if images.ndim == 3:
        return images.unsqueeze(1)
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return images.permute(0, 3, 1, 2)
    shape = " x ".join(["N", *map(str, images.shape[1:])])
    raise DataError(f"{what}: shape {shape}; N x H x W, N x C x H x W or N x H x W x C expected, with C = 1 or 3")


def to_levels(images: Tensor, what: str, start: int | None) -> Tensor:
    """uint8 of integers in 0 … 255; of floats int16, x * 255 rounded, whose range is known after all are read."""
    if images.dtype == torch.uint8:
        return images
    if images.dtype == torch.bool:
        return images.to(torch.uint8) * 255
    least, most = (0, 255) if not images.is_floating_point() else (-1 - TOLERANCE, 1 + TOLERANCE)
    if images.is_floating_point() and not images.isfinite().all():
        wrong = int((~images.isfinite()).flatten(1).any(dim=1).nonzero()[0])
        where = "" if start is None else f": image {start + wrong}"
        raise DataError(f"{what}{where} has values that are not finite (NaN or infinite)")
    if images.min() < least or images.max() > most:
        found = f"{images.min().item():g} to {images.max().item():g}"
        raise DataError(
            f"{what}: values from {found}; integers from 0 to 255 (as uint8), or floats in [0, 1] or [-1, 1] expected"
        )
    if not images.is_floating_point():
        return images.to(torch.uint8)
    return images.float().mul(255).round_().clamp_(-255, 255).to(torch.int16)


def from_levels(levels: Tensor, *, signed: bool) -> Tensor:
    """uint8 of the levels of `to_levels`; ``signed``: the floats were in [-1, 1], else in [0, 1]."""
    if levels.dtype == torch.uint8:
        return levels
    images = torch.empty(levels.shape, dtype=torch.uint8)
    for start in range(0, len(levels), CHUNK):
        part = levels[start : start + CHUNK]
        images[start : start + CHUNK] = ((part + 256) >> 1 if signed else part).to(torch.uint8)
    return images


def shaped(images: Tensor, what: str, form: Form) -> Tensor:
    """Square images of the wanted size and channels, uint8 (N, C, H, W).

    Raises:
        DataError: they are not square and there is no ``fit``, or their size is out of range.
    """
    height, width = images.shape[2:]
    least, most = IMAGE_SIZES
    if height != width:
        images = squared(images, what, form.fit)
    size = form.image_size or images.shape[2]
    if not least <= size <= most:
        suggested = min(max(size, least), most)
        raise DataError(
            f"{what}: images of {size} x {size} pixels, {least} to {most} expected; give data.image_size={suggested}"
        )
    shape = (form.image_channels or images.shape[1], size, size)
    if len(images) > 1 and shape != tuple(images.shape[1:]):
        check_memory(what, len(images), shape, SMALLER)
    return resized(with_channels(images, form.image_channels), form.image_size).contiguous()


def squared(images: Tensor, what: str, fit: str | None) -> Tensor:
    """The largest square in the middle ("crop"), or the smallest around each image, with black bars ("pad")."""
    height, width = images.shape[2:]
    if fit is None:
        raise DataError(
            f"{what}: images of {height} x {width} (height x width) are not square; give data.fit=crop, which crops "
            "to the square in the middle, or data.fit=pad, which adds black bars"
        )
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return images[:, :, top : top + side, left : left + side]
    side = max(height, width)
    around = torch.zeros(*images.shape[:2], side, side, dtype=images.dtype)
    top, left = (side - height) // 2, (side - width) // 2
    around[:, :, top : top + height, left : left + width] = images
    return around


def as_labels(values: Any, count: int, what: str) -> Tensor | None:
    """int64 (N,) of labels in any container; None if there are none.

    Raises:
        DataError: they are not integers, or there are not as many labels as images.
    """
    if values is None:
        return None
    if isinstance(values, Iterable) and not isinstance(values, Tensor | np.ndarray):
        values = [each.item() if isinstance(each, Tensor | np.generic) and not each.shape else each for each in values]
        if wrong := [each for each in values if not isinstance(each, int)]:
            raise DataError(f"{what}: a label is {type(wrong[0]).__name__}; an integer for each image expected")
    found = np.asarray(values.cpu() if isinstance(values, Tensor) else values)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1 or found.dtype.kind not in "bui":
        raise DataError(
            f"{what}: labels of type {found.dtype} and shape {found.shape}; an integer for each image expected"
        )
    if len(found) != count:
        raise DataError(f"{what}: {len(found):,} labels for {count:,} images")
    return torch.from_numpy(found.astype(np.int64))
