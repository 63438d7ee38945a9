"""Reading of picture files with Pillow: size, type and pixels."""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError, features

GREY_MODES = ("1", "L", "LA", "La")
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
    ".avif", ".heic", ".heif",
)  # fmt: skip
# Suffixes that need an optional plugin of Pillow: its module, and the package to install.
EXTRAS = {
    ".avif": ("pillow_avif", "pillow>=11.3"),  # built in since 11.3
    ".heic": ("pillow_heif", "pillow-heif"),
    ".heif": ("pillow_heif", "pillow-heif"),
}


class PictureFault(Exception):
    """A picture cannot be used; the message is a short reason."""


class Header(NamedTuple):
    """The header of a picture file.

    Attributes:
        width, height: pixels, before the rotation by EXIF data.
        channels: 1 or 3.
        deep: "whole" for one channel of 16-bit or 32-bit integers, "float" for one channel of floats; "" for 8 bits per
            channel.
    """

    width: int
    height: int
    channels: int
    deep: str


Span = tuple[float, float]  # of pictures with more than 8 bits: the values that become 0 and 255


def can_read(suffix: str) -> bool:
    """Whether Pillow can read a suffix of ``SUFFIXES``; an installed plugin is registered."""
    if suffix not in EXTRAS:
        return True
    if suffix == ".avif" and "avif" in features.modules and features.check("avif"):
        return True
    try:
        plugin = importlib.import_module(EXTRAS[suffix][0])
    except ImportError:
        return False
    if suffix != ".avif":  # the AVIF plugin registers itself
        plugin.register_heif_opener()
    return True


def how_to_read(suffix: str) -> str:
    """The message for a suffix of ``EXTRAS`` that Pillow cannot read."""
    return f'this Pillow cannot read it: pip install "{EXTRAS[suffix][1]}"'


def read_header(path: Path) -> Header:
    """Read the size and type without decoding the picture.

    Raises:
        PictureFault: the file has no valid header.
    """
    try:
        with _opened(path) as picture:
            deep = _deep(picture)
            return Header(picture.width, picture.height, 1 if deep or picture.mode in GREY_MODES else 3, deep)
    except Exception as error:
        raise _fault(error, path) from None


def read_span(path: Path) -> Span:
    """The smallest and the largest value of a picture with more than 8 bits.

    Raises:
        PictureFault: the picture is broken, or has a value that is not finite.
    """
    try:
        with _opened(path) as picture:
            return _span(np.asarray(picture))
    except Exception as error:
        raise _fault(error, path) from None


def common_span(deep: str, spans: list[Span]) -> Span:
    """The values that become 0 and 255 in all pictures of one type in a folder, from the ranges of the pictures.

    Integers: 0, and the smallest 2^k - 1, at least 255, that no value exceeds (4095 for a 12-bit camera, 65535 for 16
    bits). Floats in [0, 1]: 0 and 1. Otherwise: the smallest and the largest value.
    """
    least, most = min(span[0] for span in spans), max(span[1] for span in spans)
    if least >= 0 and deep == "whole":
        return 0.0, float(max(255, 2 ** int(most).bit_length() - 1))
    if least >= 0 and most <= 1:
        return 0.0, 1.0
    return least, most


def read_pixels(
    path: Path, channels: int, height: int, width: int, fit: str | None = None, span: Span | None = None
) -> NDArray[np.uint8]:
    """uint8 (channels, height, width): the first frame, upright, transparent parts white, grey by luma, resized.

    Args:
        fit: for a picture of another shape, "crop" or "pad"; None to stretch it.
        span: for a picture with more than 8 bits, from `common_span`; None for its own range.

    Raises:
        PictureFault: the picture is broken.
    """
    try:
        with _opened(path) as opened:
            picture = in_8_bits(opened, channels, span)
            pixels = np.array(_resized(picture, (width, height), fit))
    except Exception as error:
        raise _fault(error, path) from None
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def in_8_bits(opened: Image.Image, channels: int, span: Span | None = None) -> Image.Image:
    """The picture in 8 bits, grey (1 channel, by luma) or RGB (3): the first frame, upright, transparent parts white.

    Args:
        span: for a picture with more than 8 bits, from `common_span`; None for its own range.
    """
    picture = ImageOps.exif_transpose(opened)
    if deep := _deep(opened):
        values = np.asarray(picture)
        picture = Image.fromarray(_in_8_bits(values, *(span or common_span(deep, [_span(values)]))))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("L" if channels == 1 else "RGB")


def _opened(path: Path) -> Image.Image:
    if path.exists() and not path.is_file():
        raise PictureFault("is not a regular file")  # a pipe would block
    suffix = path.suffix.lower()
    if suffix in EXTRAS and not can_read(suffix):
        raise PictureFault(how_to_read(suffix))
    return Image.open(path)


def _deep(picture: Image.Image) -> str:
    return {"I": "whole", "F": "float"}.get(picture.mode[0], "")


def _span(values: NDArray[Any]) -> Span:
    if not np.isfinite(values).all():
        raise PictureFault("holds values that are not finite (NaN or infinite)")
    return float(values.min()), float(values.max())


def _in_8_bits(values: NDArray[Any], least: float, most: float) -> NDArray[np.uint8]:
    values = (values.astype(np.float64) - least) * 255 / ((most - least) or 1)
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _resized(picture: Image.Image, size: tuple[int, int], fit: str | None) -> Image.Image:
    """Resize with antialiasing, as in `gan.data.resizing`."""
    if picture.size == size:
        return picture
    if fit == "crop":
        return ImageOps.fit(picture, size, Image.Resampling.BILINEAR)
    if fit == "pad":
        return ImageOps.pad(picture, size, Image.Resampling.BILINEAR, "black")
    return picture.resize(size, Image.Resampling.BILINEAR)


def _fault(error: Exception, path: Path) -> PictureFault:
    """The fault for an error of Pillow, whose decoders raise many types of errors."""
    if isinstance(error, PictureFault):
        return error
    if isinstance(error, UnidentifiedImageError):
        empty = path.stat().st_size == 0
        return PictureFault("is empty (0 bytes)" if empty else "no picture in a format that Pillow knows")
    text = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
    return PictureFault(text or type(error).__name__)
