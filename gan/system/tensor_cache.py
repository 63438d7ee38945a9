"""A cache of tensors computed from the real images, in the user's cache folder."""

import contextlib
import hashlib
import json
from collections.abc import Callable

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gan.system.files import user_cache, write_bytes

FORMAT = 1  # increase it whenever the computation changes; it is part of every key


def cached(what: str, key: dict[str, str], compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors that ``compute`` returns, from the cache if they were computed before.

    A cache that cannot be read or written is not an error: the tensors are then computed each time. An incomplete file
    is overwritten.

    Args:
        what: prefix of the file name.
        key: everything that the tensors depend on, as digests and names.
    """
    text = json.dumps({**key, "what": what, "format": str(FORMAT)}, sort_keys=True)
    path = user_cache() / f"{what}-{hashlib.sha256(text.encode()).hexdigest()[:20]}.safetensors"
    with contextlib.suppress(OSError, SafetensorError):
        return load(path.read_bytes())
    tensors = compute()
    with contextlib.suppress(OSError):
        write_bytes(path, save({name: tensor.contiguous() for name, tensor in tensors.items()}))
    return tensors


def digest(*tensors: Tensor) -> str:
    """sha256 of the bytes and shapes of tensors."""
    hashed = hashlib.sha256()
    for tensor in tensors:
        hashed.update(f"{tensor.dtype} {tuple(tensor.shape)}\n".encode())
        hashed.update(tensor.contiguous().numpy().data)
    return hashed.hexdigest()
