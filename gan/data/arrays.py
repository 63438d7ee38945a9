"""Datasets from a file of arrays: .npz, .npy or .pt, without running code of the file."""

import hashlib
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan.data.conversion import Form, as_labels, from_array
from gan.data.held_out import Source, assembled
from gan.data.loaded import LoadedImages
from gan.data.memory import GIB, USABLE, free_memory
from gan.data.points import given_points
from gan.data.registry import ARRAY
from gan.system.errors import DataError

SUFFIXES = (".npz", ".npy", ".pt")
# Names of images and labels in a file, then those of the held-out images and labels, in the order of preference.
TRAIN = (
    ("images", "labels"),
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
    ("x", "y"),
    ("data", "targets"),
)
TEST = (("held_out_images", "held_out_labels"), ("x_test", "y_test"), ("test_images", "test_labels"))


def load_array(
    file: str,
    image_size: int | None = None,
    image_channels: int | None = None,
    fit: str | None = None,
    held_out: float | str | None = None,
) -> LoadedImages:
    """Read images, and labels if there are some, from a file.

    A .npy file has the images; .npz and .pt files have images and labels by name (``TRAIN``, ``TEST``). A .pt file may
    also be a tensor, or a pair of images and labels. Shapes and types of images: see `gan.data.conversion.from_array`.
    Floats (N, 2) in [0, 1] are 2-D points.

    Raises:
        DataError: there is no such file, it has other contents, or the images do not fit into memory.
    """
    path, form = Path(file).expanduser().resolve(), Form(image_size, image_channels, fit)
    what = f"data.file={file}"
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{what}: a file that ends in {', '.join(SUFFIXES)} expected")
    if not path.is_file():
        raise DataError(f"{what}: {'is a folder' if path.is_dir() else f'there is no such file ({path})'}")
    with _opened(path, what) as arrays:
        train, test = _pair(arrays, TRAIN), _pair(arrays, TEST)
        if train is None:
            found = ", ".join(sorted(map(str, arrays))) or "nothing"
            raise DataError(f"{what}: it has {found}; images (and labels), or x and y, or x_train and y_train expected")
        names = _class_names(arrays)
        images, labels = _read(*train, what, form)
        held = _read(*test, what, form) if test else None
    if held is not None and labels is not None and held[1] is None:
        raise DataError(f"{what}: it has labels of its images, and none of its held-out images")
    return assembled(
        Source(images, labels, names, held),
        ARRAY,
        f"the file {path} (sha256 {_sha256(path)[:12]})",
        what,
        held_out,
        form,
    )


def _read(images: Any, labels: Any, what: str, form: Form) -> tuple[Tensor, Tensor | None]:
    if getattr(images, "ndim", 0) == 2 and images.shape[1] == 2:
        if any(form):
            raise DataError(f"{what}: 2-D points, not pictures; leave out image_size, image_channels and fit")
        return given_points(images, what), as_labels(labels, len(images), what)
    if getattr(images, "ndim", 0) not in (3, 4):
        shape = getattr(images, "shape", None)
        found = type(images).__name__ if shape is None else f"shape {' x '.join(map(str, shape))}"
        raise DataError(f"{what}: images of {found}; N x H x W, N x C x H x W or N x H x W x C expected")
    converted = from_array(images, what, form)
    return converted, as_labels(labels, len(converted), what)


def _pair(arrays: Mapping[str, Any], names: Any) -> tuple[Any, Any] | None:
    """Images and labels by the first pair of names that the file has; labels may be None."""
    for images, labels in names:
        if images in arrays:
            return arrays[images], arrays.get(labels)
    return None


def _class_names(arrays: Mapping[str, Any]) -> list[str] | None:
    for name in ("class_names", "classes"):
        if name in arrays:
            return [str(each) for each in arrays[name]]
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(path: Path, what: str) -> Iterator[Mapping[str, Any]]:
    """The arrays of a file by their names."""
    try:
        if path.suffix.lower() == ".pt":
            in_place = zipfile.is_zipfile(path)  # the format of torch 1.6 and later
            yield _of_torch(torch.load(path, map_location="cpu", weights_only=True, mmap=in_place))
        elif path.suffix.lower() == ".npy":
            yield {"images": np.load(path, mmap_mode="r", allow_pickle=False)}
        else:
            _check_sizes(path, what)
            with np.load(path, allow_pickle=False) as arrays:
                yield arrays
    except DataError:
        raise
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{what}: it holds other objects than tensors, which could run code when they are read"
        ) from error
    except Exception as error:  # damaged files raise errors of zlib, struct, tokenize, IndexError and others
        if "pickle" in str(error) or "Python objects" in str(error):
            raise DataError(f"{what}: it holds pickled objects, which could run code when they are read") from error
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{what}: it cannot be read ({reason})") from error


def _of_torch(content: Any) -> Mapping[str, Any]:
    if isinstance(content, Mapping):
        return content
    if isinstance(content, tuple | list) and len(content) == 2:
        return {"images": content[0], "labels": content[1]}
    return {"images": content}


def _check_sizes(path: Path, what: str) -> None:
    """Raise DataError if an array of a .npz file does not fit into memory, before it is unpacked."""
    with zipfile.ZipFile(path) as archive:
        largest = max((member.file_size for member in archive.infolist()), default=0)
    free = free_memory()
    if free is not None and largest > USABLE * free:
        raise DataError(
            f"{what}: an array needs {largest / GIB:.1f} GiB, but only half of the free {free / GIB:.1f} GiB may be "
            "used; a .npy file is read in parts and needs less"
        )
