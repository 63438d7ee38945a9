"""Images and curves as text: braille dots, or coloured half blocks if the terminal supports colours."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# The bit that each dot adds to U+2800, by its position in the 4 rows and 2 columns of a character.
BRAILLE = 0x2800
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
# Ordered dithering (Bayer 1973): grey values as fractions of dots.
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])


def braille(dots: NDArray[np.bool_]) -> list[str]:
    """Dots (H, W) as lines of characters, each 4 dots high and 2 wide; the image is padded to a multiple."""
    height, width = (math.ceil(side / unit) for side, unit in zip(dots.shape, DOTS.shape, strict=True))
    whole = np.zeros((4 * height, 2 * width), np.int64)
    whole[: dots.shape[0], : dots.shape[1]] = dots
    codes = np.einsum("hawb,ab->hw", whole.reshape(height, 4, width, 2), DOTS)
    return ["".join(chr(BRAILLE + code) for code in row) for row in codes]


def plot(values: Sequence[float], *, width: int = 60, height: int = 4) -> list[str]:
    """A curve as ``height`` lines of ``width`` characters, from its smallest to its largest finite value.

    Each column of dots shows the range of its values, connected to the previous column, so that no peak is lost.
    Columns without finite values are gaps.
    """
    curve = np.asarray(values, np.float64)
    if 1 < len(curve) < 2 * width:  # interpolate between values
        curve = np.interp(np.linspace(0, len(curve) - 1, 2 * width), np.arange(len(curve)), curve)
    finite = curve[np.isfinite(curve)]
    dots = np.zeros((4 * height, 2 * width), bool)
    if not len(finite):
        return braille(dots)
    low, high = finite.min(), finite.max()
    rows = (high - curve) / (high - low or 1) * (4 * height - 1)
    places = np.linspace(0, 2 * width - 1, len(curve)).round().astype(int) if len(curve) > 1 else np.zeros(1, int)
    before = None
    for column in np.unique(places):
        here = rows[places == column]
        here = here[np.isfinite(here)].round().astype(int)
        if not len(here):
            before = None
            continue
        ends = [*here, *([] if before is None else [before])]
        dots[min(ends) : max(ends) + 1, column] = True
        before = here[-1]
    return braille(dots)


def images(shown: NDArray[np.uint8], *, columns: int, rows: int = 3, side: int = 14, colour: bool = False) -> list[str]:
    """Images (N, C, H, W) side by side, as many as fit, each at most ``side`` characters wide.

    Args:
        columns: characters per line.
        rows: rows of images.
        colour: use half blocks with 24-bit colours (ANSI escapes); otherwise braille, with bright pixels as dots.
    """
    step = math.ceil(shown.shape[3] / side) if colour else math.ceil(shown.shape[3] / (2 * side))
    lines_of = [_half_blocks(_shrunk(image, step)) if colour else _dithered(_shrunk(image, step)) for image in shown]
    width = math.ceil(shown.shape[3] / step / (1 if colour else 2))
    in_a_row = max(1, (columns + 1) // (width + 1))
    lines = []
    for first in range(0, min(len(lines_of), rows * in_a_row), in_a_row):
        row = lines_of[first : first + in_a_row]
        lines += [" ".join(parts) for parts in zip(*row, strict=True)]
    return lines


def _shrunk(image: NDArray[np.uint8], step: int) -> NDArray[np.float64]:
    """(C, H, W) -> means over step × step pixels, over fewer at the edges."""
    channels, height, width = image.shape
    padding = [(0, 0), (0, -height % step), (0, -width % step)]
    padded = np.pad(image.astype(np.float64), padding, mode="edge")
    parts = padded.reshape(channels, padded.shape[1] // step, step, padded.shape[2] // step, step)
    return np.asarray(parts.mean(axis=(2, 4)))


def _dithered(image: NDArray[np.float64]) -> list[str]:
    grey = image.mean(axis=0)
    height, width = grey.shape
    thresholds = np.tile((BAYER + 0.5) * 16, (math.ceil(height / 4), math.ceil(width / 4)))[:height, :width]
    return braille(grey > thresholds)


def _half_blocks(image: NDArray[np.float64]) -> list[str]:
    """Lines of upper half blocks: the foreground is the colour of a pixel, the background of the pixel below it."""
    channels, height, width = image.shape
    pixels = np.zeros((3, height + height % 2, width), np.int64)
    pixels[:, :height] = np.broadcast_to(image.round(), (3, height, width)) if channels == 1 else image.round()
    lines = []
    for top in range(0, pixels.shape[1], 2):
        cells = (
            f"\x1b[38;2;{';'.join(map(str, pixels[:, top, x]))};48;2;{';'.join(map(str, pixels[:, top + 1, x]))}m▀"
            for x in range(width)
        )
        lines.append("".join(cells) + "\x1b[0m")
    return lines
