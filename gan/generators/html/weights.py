"""Weights of a page: all tensors in one buffer, float16 or float32."""

import numpy as np
from torch import Tensor

WEIGHTS = ("float16", "float32")
FEW = 4096  # tensors with fewer values stay float32: biases, scales and shifts, which cost little and matter


def packed(tensors: list[Tensor], weights: str) -> tuple[list[list[int]], bytes]:
    """[offset in bytes, number of values, 1 for float16] of each tensor, and the buffer, little-endian."""
    places, content = [], bytearray()
    for tensor in tensors:
        # A value beyond float16's range would be infinite.
        half = weights == "float16" and tensor.numel() >= FEW and float(tensor.abs().max()) < 65504
        content += bytes(-len(content) % 4)
        places.append([len(content), tensor.numel(), int(half)])
        content += tensor.numpy().astype(np.dtype("<f2" if half else "<f4")).tobytes()
    return places, bytes(content)
