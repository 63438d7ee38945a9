"""Weights of a page: all tensors in one buffer, float16 or float32."""

import base64
from typing import Any

import numpy as np
from torch import Tensor

WEIGHTS = ("float16", "float32")
FEW = 4096  # tensors with fewer values stay float32: biases, scales and shifts, which cost little and matter
MOST = 65504  # of float16; a larger value would be infinite


def encoded(tensors: list[Tensor], weights: str) -> dict[str, Any]:
    """``weights``: a buffer, little-endian, in base64. ``places``: of each tensor [offset, values, 1 for float16]."""
    places, content = [], bytearray()
    for tensor in tensors:
        half = weights == "float16" and tensor.numel() >= FEW and float(tensor.abs().max()) <= MOST
        content += bytes(-len(content) % 4)
        places.append([len(content), tensor.numel(), int(half)])
        content += tensor.numpy().astype(np.dtype("<f2" if half else "<f4")).tobytes()
    return {"places": places, "weights": base64.b64encode(content).decode()}
