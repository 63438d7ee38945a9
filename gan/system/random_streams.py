"""Where every random number of a run comes from.

A run's randomness is a function of ``(seed, rank, purpose, index)`` and of nothing else: no generator is carried from
one update to the next. So a resumed run draws what an uninterrupted one would have drawn, ranks draw different
latents, and whatever a callback draws in between changes nothing.
"""

import functools
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Odd, so that index -> seed is one-to-one also in the low 32 bits, which is all that torch's CPU generator looks at.
_STRIDE = 0x9E3779B97F4A7C15


@functools.lru_cache(maxsize=256)
def _stream_origin(seed: int, rank: int, purpose: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{rank}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def stream_seed(seed: int, rank: int, purpose: str, index: int) -> int:
    """The seed of the ``index``-th draw of one stream of random numbers.

    Args:
        seed: the run's seed.
        rank: the process's global rank; 0 for what all ranks must draw alike.
        purpose: what the numbers are for, such as "discriminator" or "data order".
        index: which draw of that stream: an update, an epoch.

    Returns:
        An integer in [0, 2**63), different for every index below 2**32.
    """
    return (_stream_origin(seed, rank, purpose) + index * _STRIDE) % (1 << 63)


def start_stream(device: "torch.device", seed: int) -> None:
    """Seed torch's global generators, the CPU's and that of ``device``: what latents and dropout are drawn from next.

    Not ``torch.manual_seed``: where a kind of device is not in use it queues the call with a stack trace, each time,
    which takes half a millisecond and memory that is never given back.
    """
    import torch

    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type != "cpu":
        torch.manual_seed(seed)
