"""Random streams: the seeds of all random numbers of a run.

Each seed is a function of ``(seed, rank, purpose, index)`` only; no generator state is kept from one update to the
next. So a resumed run draws the same numbers as an uninterrupted one, ranks draw different latents, and random draws
of a callback change nothing.
"""

import functools
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Odd, so that index -> seed is one-to-one also in the low 32 bits, the only ones that torch's CPU generator uses.
_STRIDE = 0x9E3779B97F4A7C15


@functools.lru_cache(maxsize=256)
def _stream_origin(seed: int, rank: int, purpose: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{rank}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def stream_seed(seed: int, rank: int, purpose: str, index: int) -> int:
    """Return the seed of the ``index``-th draw of one random stream.

    Args:
        seed: the run's seed.
        rank: global rank of the process; 0 if all ranks must draw the same numbers.
        purpose: what the numbers are for, e.g. "discriminator" or "data order".
        index: number of the draw in that stream, e.g. of the update or the epoch.

    Returns:
        An integer in [0, 2**63), different for every index below 2**32.
    """
    return (_stream_origin(seed, rank, purpose) + index * _STRIDE) % (1 << 63)


def start_stream(device: "torch.device", seed: int) -> None:
    """Seed torch's global generators of the CPU and of ``device``, which latents and dropout use.

    This does not call ``torch.manual_seed``: for each unused kind of device, that queues the call with a stack trace,
    which takes half a millisecond and memory that is never freed.
    """
    import torch

    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type != "cpu":
        torch.manual_seed(seed)
