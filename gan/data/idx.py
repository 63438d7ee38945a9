"""The IDX file format of MNIST and similar datasets.

Layout (http://yann.lecun.com/exdb/mnist/): two zero bytes, a code for the type, the number of dimensions, each
dimension as a big-endian 32-bit integer, then the values, big-endian, last dimension fastest.
"""

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan.system.errors import DataError

MAX_BYTES = 2**30  # twice the largest dataset, EMNIST by class: a limit for decompression
GZIP_MAGIC = b"\x1f\x8b"
DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_bytes(path: Path) -> bytes:
    """The content of a file, decompressed if its first bytes are those of gzip.

    Raises:
        DataError: the file is missing, unreadable, empty, too large, or a damaged gzip file.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if data.startswith(GZIP_MAGIC):
        try:
            with gzip.open(io.BytesIO(data)) as file:
                data = file.read(MAX_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path}: not a complete gzip file ({error})") from None
    if not data:
        raise DataError(f"{path}: is empty (0 bytes)")
    if len(data) > MAX_BYTES:
        raise DataError(f"{path}: holds more than {MAX_BYTES:,} bytes, more than any known dataset")
    return data


def parse_idx(data: bytes, path: Path) -> Tensor:
    """The tensor in the bytes of a decompressed IDX file; error messages begin with ``path``.

    Returns:
        A tensor of the file's own shape and dtype (uint8, int8, int16, int32, float32 or float64) in native byte order.

    Raises:
        DataError: header and length do not agree, or there is no IDX header.
    """
    dtype, shape = _parse_header(data, path)
    offset = 4 + 4 * len(shape)
    expected = offset + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        fault = "is truncated" if len(data) < expected else "is too long"
        raise DataError(f"{path}: {fault}: its header announces {expected:,} bytes, the file has {len(data):,}")
    # astype copies: the result is writable and does not reference the file's bytes
    values = np.frombuffer(data, dtype, offset=offset).astype(dtype.newbyteorder("="))
    return torch.from_numpy(values.reshape(shape))


def _parse_header(data: bytes, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """Type and shape. Raises DataError with the apparent type of the file."""
    if data[:64].lstrip().startswith(b"<"):
        raise DataError(f"{path}: starts like an HTML page, not an IDX file")
    if not any(data[:16]):
        raise DataError(f"{path}: starts with zeros where an IDX header should be")
    if data[:2] != b"\0\0" or len(data) < 4:
        raise DataError(f"{path}: not an IDX file (starts with {data[:8]!r}, an IDX file with two zero bytes)")
    code, dims = data[2], data[3]
    if code not in DTYPES:
        known = ", ".join(f"0x{known:02x}" for known in DTYPES)
        raise DataError(f"{path}: not an IDX file (type code 0x{code:02x}; known are {known})")
    if dims == 0 or len(data) < 4 + 4 * dims:
        raise DataError(
            f"{path}: its IDX header is incomplete ({dims} dimensions announced, {len(data):,} bytes in all)"
        )
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dims))
    if 0 in shape:
        raise DataError(f"{path}: is empty (shape {shape})")
    return np.dtype(DTYPES[code]), shape
