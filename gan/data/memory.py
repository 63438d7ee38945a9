"""Memory checks before a dataset is allocated. Without them, the system would kill the process."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from gan.data.registry import IMAGE_SIZES
from gan.system.errors import DataError

USABLE = 0.5  # fraction of the free memory; the rest is for the networks and, on a CPU, the copy on the device
GIB = 2**30


def check_memory(what: str, count: int, image_shape: Sequence[int], remedy: str, *, more: int = 0) -> None:
    """Raise DataError if ``count`` uint8 images need more than half of the free memory.

    Args:
        what: beginning of the message: the setting and its value.
        remedy: end of the message: what the user can do.
        more: additional bytes per image, such as those of its latent.
    """
    needed, free = count * (math.prod(image_shape) + more), free_memory()
    if free is not None and needed > USABLE * free:
        shape = " x ".join(map(str, image_shape))
        raise DataError(
            f"{what}: {count:,} images of {shape} need {needed / GIB:.1f} GiB, but only half of the free "
            f"{free / GIB:.1f} GiB may be used; {remedy}{_what_fits(count, image_shape, USABLE * free, more)}"
        )


def _what_fits(count: int, image_shape: Sequence[int], usable: float, more: int) -> str:
    """The end of the message: how many of these images fit, and at which size all images would fit."""
    fits = [f"{int(usable / (math.prod(image_shape) + more)):,} of these images"]
    size = math.isqrt(max(0, int(usable / count) - more) // image_shape[0])
    if not more and IMAGE_SIZES[0] <= size < min(image_shape[1:]):
        fits.append(f"all of them with data.image_size={min(size, IMAGE_SIZES[1])}")
    return f" ({' or '.join(fits)} would fit)"


def free_memory() -> int | None:
    """Available bytes without swapping, within the limit of the container; None if unknown."""
    found = [value for value in (_of_the_machine(), _of_the_container()) if value is not None]
    return min(found, default=None)


def _of_the_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:  # not Linux: all installed memory
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _of_the_container(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    try:
        return int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())
    except (OSError, ValueError):  # no container, or "max": no limit
        return None
