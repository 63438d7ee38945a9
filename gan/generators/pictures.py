"""Picture files: grids of images, scatter plots of points, PNG, GIF and MP4.

Images are uint8 arrays (N, C, H, W), C = 1 (grey) or 3 (colour).
"""

import io
import math
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gan.data.memory import GIB, USABLE, free_memory
from gan.system.errors import GanError

Pixels = NDArray[np.uint8]

PADDING = 2  # pixels between the images of a grid


def grid(images: Pixels, *, columns: int | None = None, padding: int = PADDING, scale: int = 1) -> Pixels:
    """Arrange images row by row in one image (C, height, width).

    Args:
        images: uint8 (N, C, H, W), N at least 1.
        columns: images per row; None for an approximately square grid.
        padding: black pixels between images.
        scale: each pixel becomes scale x scale.
    """
    count, channels, height, width = images.shape
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = math.ceil(count / columns)
    cell_h, cell_w = height + padding, width + padding
    canvas = np.zeros((channels, rows * cell_h - padding, columns * cell_w - padding), np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * cell_h, index % columns * cell_w
        canvas[:, top : top + height, left : left + width] = image
    return enlarged(canvas, scale)


def enlarged(images: Pixels, scale: int) -> Pixels:
    """Images (…, H, W) with each pixel repeated scale x scale times.

    Raises:
        GanError: the result needs more than half of the free memory.
    """
    needed, free = images.size * scale**2, free_memory()
    if scale > 1 and free is not None and needed > USABLE * free:
        raise GanError(
            f"scale: {scale} given, and the enlarged images need {needed / GIB:.1f} GiB, but only half of the free "
            f"{free / GIB:.1f} GiB may be used; a smaller scale or fewer images expected"
        )
    return images.repeat(scale, axis=-2).repeat(scale, axis=-1)


def labelled_rows(rows: Mapping[str, Pixels], *, scale: int = 1) -> Pixels:
    """Rows of images below each other, with their names on the left, as one image (C, height, width).

    Args:
        rows: by name, uint8 (N, C, H, W); rows may differ in length.
        scale: each pixel becomes scale x scale; the names keep their size.
    """
    strips = [grid(images, columns=len(images), scale=scale) for images in rows.values()]
    font = ImageFont.load_default(size=12)
    margin = 8 + math.ceil(max(font.getlength(name) for name in rows)) + 8
    step = max(strips[0].shape[1], 16) + PADDING * scale
    shape = (strips[0].shape[0], step * len(strips) - PADDING * scale, margin + max(strip.shape[2] for strip in strips))
    canvas = np.zeros(shape, np.uint8)
    for index, strip in enumerate(strips):
        canvas[:, index * step : index * step + strip.shape[1], margin : margin + strip.shape[2]] = strip
    picture = to_pillow(canvas)
    for index, name in enumerate(rows):
        middle = index * step + strips[0].shape[1] // 2
        ImageDraw.Draw(picture).text((8, middle), name, fill="white", font=font, anchor="lm")
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


# from Okabe and Ito's palette for colour-blind readers
REAL_COLOUR, FAKE_COLOUR = (86, 180, 233), (213, 94, 0)


def scatter(points: NDArray[Any], real: NDArray[Any] | None = None, *, size: int = 320) -> Pixels:
    """Points of the plane as dots on white: generated points in vermilion on top of real points in sky blue.

    x points to the right and y upwards; the picture shows [0, 1] x [0, 1]. Points outside are drawn at the edge, to
    stay visible; points that are not finite are left out.

    Args:
        points: floats (N, 2) or (N, 2, 1, 1), generated; N may be 0.
        real: real points in the same form, or None.
        size: height and width of the picture, in pixels.

    Returns:
        uint8 (3, size, size).
    """
    canvas = np.full((3, size, size), 255, np.uint8)
    for dots, colour in ((real, REAL_COLOUR), (points, FAKE_COLOUR)):
        if dots is not None:
            canvas[:, _dots(dots, size)] = np.array(colour, np.uint8)[:, None]
    return canvas


def _dots(points: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Mask (size, size) of the dots; a dot is a disc with a diameter of about a hundredth of the picture."""
    x, y = points.reshape(len(points), 2).astype(np.float64).T
    finite = np.isfinite(x) & np.isfinite(y)
    columns = (x[finite].clip(0, 1) * (size - 1)).round().astype(int)
    rows = ((1 - y[finite].clip(0, 1)) * (size - 1)).round().astype(int)
    covered = np.zeros((size, size), bool)
    radius = max(1, size // 200)
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            if down**2 + right**2 <= radius**2:
                covered[(rows + down).clip(0, size - 1), (columns + right).clip(0, size - 1)] = True
    return covered


def inverted(images: Pixels) -> Pixels:
    """Inverted images: dark on white, like matplotlib's gray_r."""
    return 255 - images


def to_pillow(image: Pixels) -> Image.Image:
    """An image (C, H, W) as a Pillow image, mode L or RGB."""
    return Image.fromarray(image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0))


def png(image: Pixels) -> bytes:
    """An image (C, H, W) as the bytes of a PNG file, which are deterministic."""
    buffer = io.BytesIO()
    to_pillow(image).save(buffer, format="PNG", optimize=False)
    return buffer.getvalue()


def gif(frames: Sequence[Pixels], *, seconds: float = 6.0, hold: float = 1.5) -> bytes:
    """Images (C, H, W) as the bytes of a looping animation of about ``seconds``; ``hold`` extends the last frame."""
    each = min(max(1000 * seconds / len(frames), 40.0), 500.0)
    ends = [10 * round(each * number / 10) for number in range(len(frames) + 1)]  # the format has hundredths of seconds
    durations = [end - start for start, end in pairwise(ends)]
    durations[-1] += int(1000 * hold)
    pictures = [to_pillow(frame) for frame in frames]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False
    )
    return buffer.getvalue()


def mp4(frames: Pixels, *, fps: int) -> bytes:
    """Images (N, C, H, W) as the bytes of an H.264 video, by ffmpeg. Odd sides are cropped by a pixel.

    Raises:
        GanError: ffmpeg is missing or fails.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise GanError("MP4 needs ffmpeg, which is not on the PATH: install it, or write a .gif instead")
    height, width = frames.shape[2:]
    pixels = frames.repeat(3 // frames.shape[1], axis=1).transpose(0, 2, 3, 1)  # RGB
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
    film = ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264", "-crf", "15", "-pix_fmt", "yuv420p"]
    with tempfile.TemporaryDirectory() as folder:  # the format needs a seekable file, not a pipe
        path = Path(folder) / "film.mp4"
        command = [program, "-v", "error", *picture, *film, "-movflags", "+faststart", str(path)]
        done = subprocess.run(command, input=pixels.tobytes(), capture_output=True, check=False)
        if done.returncode != 0:
            raise GanError(f"ffmpeg has failed: {' '.join(done.stderr.decode(errors='replace').split())[:300]}")
        return path.read_bytes()
