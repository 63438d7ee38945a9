"""Reading and writing the file of a bundle: file type, integrity, tensors and metadata.

A safetensors file is eight bytes with the length of the header, the header (JSON: name, type, shape and position of
each tensor), and the tensors' bytes. Every length is checked against a limit before reading.
"""

import hashlib
import json
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gan.generators import bundle_metadata
from gan.generators.bundle_path import FILE_NAME
from gan.system.errors import BundleError
from gan.system.files import write_bytes

MAX_VALUES = 2**28  # of all tensors together: 1 GiB in float32
MAX_HEADER = 2**20  # bytes
MAX_FILE = 4 * MAX_VALUES + MAX_HEADER

# Other file types that are given by mistake, by their first bytes.
KINDS = (
    (b"version https://git-lfs", "a Git LFS pointer instead of the file: fetch it with `git lfs pull`"),
    (b"<", "a web page or XML, as a failed download leaves it"),
    (b"\x1f\x8b", "compressed by gzip: unpack it first"),
    (b"\x89PNG", "a picture"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "an array of NumPy"),
)
PICKLE = "a pickle: not opened, since a pickle can run any code"


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and metadata of a bundle's file.

    It needs at most three times the size of the file in memory; files are limited to ``MAX_FILE``. The metadata may
    have any format that this version reads; its sha256 has been checked, its values have not.

    Raises:
        BundleError: the file cannot be read, or is damaged. The message does not contain the path.
    """
    content = _content(path)
    text = _metadata_text(content)
    metadata = bundle_metadata.parse(text)
    try:
        tensors = load(content)
        intact = _digest(tensors, metadata) == metadata.get("sha256")
    except (SafetensorError, LookupError, AssertionError, TypeError, ValueError, RuntimeError) as error:
        why = _reason(error)
        raise BundleError(f"not a complete safetensors file ({why}); a bundle is called {FILE_NAME}") from error
    if not intact:
        raise BundleError("its content is not what was saved (sha256 differs): the file is damaged")
    return tensors, metadata


def write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write a bundle's file with its sha256, atomically.

    Raises:
        BundleError: it would be too large for `read`.
    """
    known = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    places = [tensor.untyped_storage().data_ptr() for tensor in known.values()]
    shared = {place for place in places if places.count(place) > 1}  # tied weights, which safetensors refuses
    known = {
        name: tensor.clone() if place in shared else tensor
        for (name, tensor), place in zip(known.items(), places, strict=True)
    }
    text = json.dumps({**metadata, "sha256": _digest(known, metadata)}, sort_keys=True)
    content = save(known, metadata={"gan": text})
    header = int.from_bytes(content[:8], "little")
    if header > MAX_HEADER or len(content) > MAX_FILE:
        sizes = f"a header of {header} bytes (at most {MAX_HEADER}) in a file of {len(content)} (at most {MAX_FILE})"
        raise BundleError(f"{path}: too large to be read again: {sizes}")
    write_bytes(path.resolve(), content)  # a link stays a link


def _content(path: Path) -> bytes:
    """The content of a file that starts like a safetensors file of limited size."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would block, and a device would never end
            raise BundleError("not a regular file")
        with path.open("rb") as file:
            start = file.read(64)
            _check_kind(path, start)
            if status.st_size > MAX_FILE:
                raise BundleError(f"a file of {status.st_size} bytes; at most {MAX_FILE} are read")
            return start + file.read(status.st_size)  # allocated at once
    except OSError as error:
        raise BundleError(f"cannot be read: {_reason(error)}") from error


def _check_kind(path: Path, start: bytes) -> None:
    """Raise BundleError unless the first 64 bytes are those of a safetensors file with a header of limited length."""
    length = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{":
        if length > MAX_HEADER:
            raise BundleError(
                f"not a complete safetensors file (a header of {length} bytes; at most {MAX_HEADER} are read)"
            )
        return
    raise BundleError(f"not a safetensors file, but {_kind(path, start)}; a bundle is called {FILE_NAME}")


def _kind(path: Path, start: bytes) -> str:
    if start.strip(b"\0") == b"":
        return "empty" if not start else "zeros"
    for beginning, kind in KINDS:
        if start.lstrip().startswith(beginning):
            return kind
    if start.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if start[0] == 0x80 and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PICKLE
    return "something else, or damaged"


def _kind_of_zip(path: Path) -> str:
    """The kind of a zip file: torch.save writes one with a pickle. The pickle is searched, not loaded."""
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
            if not pickles:
                return "a zip file"
            with archive.open(pickles[0]) as file:
                of_lightning = b"pytorch-lightning_version" in file.read(MAX_HEADER)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError, EOFError):
        return "a damaged zip file"
    whose = "a checkpoint of Lightning" if of_lightning else "a checkpoint of PyTorch (torch.save)"
    return f"{whose}, which is {PICKLE}"


def _metadata_text(content: bytes) -> str:
    """The text under "gan" in the header's metadata."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 + length:
        raise BundleError(f"not a complete safetensors file (cut off in its header); a bundle is called {FILE_NAME}")
    try:
        header = json.loads(content[8 : 8 + length])
        known = header.get("__metadata__") or {}
        text = known.get("gan")
    except (ValueError, RecursionError, AttributeError) as error:
        raise BundleError(
            f"not a complete safetensors file (its header is not JSON); a bundle is called {FILE_NAME}"
        ) from error
    if not isinstance(text, str):
        raise BundleError("a safetensors file, but not of a generator: it has no metadata 'gan'")
    return text


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> str:
    """sha256 of the metadata (without the digest itself), and of every tensor's name, type, shape and bytes."""
    known = {name: value for name, value in metadata.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200]
