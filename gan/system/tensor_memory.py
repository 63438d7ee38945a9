"""Memory for torch's tensors: with glibc (Linux), freed memory is kept for the next tensors.

glibc gives memory back to the system when much is free. In a batch of `ten_minutes` it returns 16 MB, and the system
clears each of these 4,000 pages when they are used again. Measurements: docs/performance.md, "Memory for tensors".
"""

import contextlib
import os
import sys
from collections.abc import Mapping

OF_GLIBC = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
NEVER = -1
LARGEST = 32 * 2**20  # bytes; larger tensors are always returned to the system


def keep_freed_memory(environment: Mapping[str, str] = os.environ) -> None:
    """Let this process keep the memory of freed tensors, unless the user has set how glibc does it."""
    if sys.platform != "linux" or any(name in environment for name in OF_GLIBC):
        return
    import ctypes  # here: `gan --help` is quick

    with contextlib.suppress(AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, NEVER)
