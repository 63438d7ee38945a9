"""Datasets on the disk, read and verified in one pass: file formats, counts, labels and checksums."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from gan.data.cifar import read_archive
from gan.data.idx import parse_idx, read_bytes
from gan.data.mnist_like import SplitFiles
from gan.data.registry import Archive, DatasetSpec
from gan.system.errors import DataError

IMAGE_SIZE = 28


def missing_files(source: DatasetSpec | Archive, root: Path) -> list[Path]:
    """The files of a dataset that are missing, both plain and as ``.gz``."""
    folder = root / source.folder
    return [folder / file for file in source.files if not _exists(_locate(folder / file))]


def read_source(source: DatasetSpec | Archive, root: Path) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Train images, train labels, test images and test labels of a dataset under ``root``.

    Returns:
        images uint8 (N, C, H, W) upright, labels int64 (N,) in 0 … classes - 1; the same for the test split.

    Raises:
        DataError: a file is missing, broken, or of another dataset; the message begins with its path.
    """
    if isinstance(source, Archive):
        return read_archive(source, root)
    folder = root / source.folder
    train = read_split(source.train, folder, source.title, len(source.class_names), source.first_label)
    test = read_split(source.test, folder, source.title, len(source.class_names), source.first_label)
    if source.transposed:
        train, test = (_upright(*train), _upright(*test))
    return *train, *test


def read_split(
    files: SplitFiles, folder: Path, title: str, num_classes: int, first_label: int = 0
) -> tuple[Tensor, Tensor]:
    """Images uint8 (N, 1, 28, 28) and labels int64 (N,), counted from 0, of one verified pair of files.

    Raises:
        DataError: as ``read_source``.
    """
    images = _read_images(_locate(folder / files.images), files, title)
    labels = _read_labels(_locate(folder / files.labels), files, title, num_classes, first_label)
    if len(images) != len(labels):
        raise DataError(
            f"{_locate(folder / files.labels)}: contains {len(labels):,} labels for the {len(images):,} images "
            f"of {files.images}"
        )
    return images, labels


def _locate(path: Path) -> Path:
    """The plain file, or the gzipped one if only that exists (a manual download)."""
    gzipped = path.with_name(path.name + ".gz")
    return gzipped if _exists(gzipped) and not _exists(path) else path


def _exists(path: Path) -> bool:
    """Whether a file exists; True if its folder may not be searched: reading it says why."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _read_images(path: Path, files: SplitFiles, title: str) -> Tensor:
    data = read_bytes(path)
    images = parse_idx(data, path)
    if images.dtype != torch.uint8 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
        raise DataError(
            f"{path}: contains {images.dtype} of shape {tuple(images.shape)}, not uint8 images of shape (N, 28, 28)"
        )
    _check_count(path, len(images), files, title, "images")
    if not images.any():
        raise DataError(f"{path}: all of its {len(images):,} images are black (every byte is zero)")
    _check_sha256(path, data, files.images_sha256, title, f"{len(images):,} images")
    return images.unsqueeze(1)


def _read_labels(path: Path, files: SplitFiles, title: str, num_classes: int, first_label: int) -> Tensor:
    data = read_bytes(path)
    labels = parse_idx(data, path)
    if labels.dtype not in (torch.uint8, torch.int32) or labels.ndim > 2:
        raise DataError(f"{path}: contains {labels.dtype} of shape {tuple(labels.shape)}, not labels of shape (N,)")
    _check_count(path, len(labels), files, title, "labels")
    if labels.ndim == 2:
        labels = labels[:, 0]  # QMNIST: class, NIST series, writer, …
    labels = labels.long() - first_label
    wrong = torch.nonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        position = int(wrong[0])
        raise DataError(
            f"{path}: label {int(labels[position]) + first_label} at position {position}, "
            f"{title}'s labels are {first_label} … {num_classes - 1 + first_label}"
        )
    _check_sha256(path, data, files.labels_sha256, title, f"{len(labels):,} labels")
    return labels


def _check_count(path: Path, count: int, files: SplitFiles, title: str, kind: str) -> None:
    if count not in files.counts:
        expected = " or ".join(f"{allowed:,}" for allowed in files.counts)
        raise DataError(f"{path}: contains {count:,} {kind}; {title} has {expected} in this file")


def _check_sha256(path: Path, data: bytes, expected: str | None, title: str, content: str) -> None:
    if expected is None:
        return
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise DataError(
            f"{path}: a well-formed IDX file of {content}, but not {title}'s (sha256 {found[:16]}…, {title}'s is "
            f"{expected[:16]}…); changed, or another dataset under this name"
        )


def _upright(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return images.transpose(-1, -2).contiguous(), labels
