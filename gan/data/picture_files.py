"""One picture file, by Pillow: its size and kind, and its pixels."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

GREY_MODES = ("1", "L", "LA", "La")


class PictureFault(Exception):
    """Why a picture cannot be used, in a few words."""


class Header(NamedTuple):
    """What a file says of its picture: pixels, before it is turned as its EXIF data say, and channels, 1 or 3."""

    width: int
    height: int
    channels: int


def read_header(path: Path) -> Header:
    """Size and channels, without decoding the picture.

    Raises:
        PictureFault: if there is no such, or it has more than 8 bits a channel.
    """
    try:
        with Image.open(path) as picture:
            _check_mode(picture)
            return Header(picture.width, picture.height, 1 if picture.mode in GREY_MODES else 3)
    except Exception as error:
        raise _fault(error, path) from None


def read_pixels(path: Path, channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """uint8 (channels, height, width): the first frame, upright, transparent parts on white, grey by luma, resized.

    Raises:
        PictureFault: if the picture is broken.
    """
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.has_transparency_data:
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture.convert("RGBA"))
            picture = picture.convert("L" if channels == 1 else "RGB")
            if picture.size != (width, height):  # with antialiasing, as gan.data.resizing has it
                picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            pixels = np.array(picture)
    except Exception as error:
        raise _fault(error, path) from None
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _check_mode(picture: Image.Image) -> None:
    if picture.mode.startswith(("I", "F")):
        raise PictureFault(f"its pixels are of type {picture.mode}, and 8 bits a channel are expected")


def _fault(error: Exception, path: Path) -> PictureFault:
    """Pillow's decoders raise whatever comes to them on a broken file."""
    if isinstance(error, PictureFault):
        return error
    if isinstance(error, UnidentifiedImageError):
        empty = path.stat().st_size == 0
        return PictureFault("is empty (0 bytes)" if empty else "no picture in a format that Pillow knows")
    text = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
    return PictureFault(text or type(error).__name__)
