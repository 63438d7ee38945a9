"""CIFAR-10's binary files: extracted by name, read and verified. No pickle is loaded."""

import shutil
import tarfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan.data.idx import read_bytes
from gan.data.registry import Archive
from gan.system.errors import DataError

RECORD_BYTES = 1 + 3 * 32 * 32


def unpack(source: Archive, archive: Path, root: Path) -> None:
    """Extract the dataset's files from an archive to ``root``; other members are ignored.

    Raises:
        DataError: the archive is damaged, or one of the files is missing or has a wrong size.
    """
    size = source.records * RECORD_BYTES
    (root / source.folder).mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for file in source.files:
                member = tar.getmember(f"{source.folder.as_posix()}/{file}")
                content = tar.extractfile(member) if member.isreg() and member.size == size else None
                if content is None:
                    raise DataError(f"{source.folder / file} in {archive.name} is not a file of {size:,} bytes")
                with content, (root / source.folder / file).open("wb") as target:
                    shutil.copyfileobj(content, target)
    except (tarfile.TarError, EOFError, zlib.error, KeyError) as error:
        reason = error.args[0] if error.args else error
        raise DataError(f"{archive.name} is not a complete archive of {source.title} ({reason})") from None


def read_archive(source: Archive, root: Path) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Train images, train labels, test images and test labels of a dataset that is unpacked under ``root``.

    Returns:
        images uint8 (N, 3, 32, 32), red, green, blue, labels int64 (N,); the same for the test split.

    Raises:
        DataError: a file is missing, or has a wrong size or wrong labels; the message begins with its path.
    """
    return *_read_files(source, root, source.train_files), *_read_files(source, root, source.test_files)


def _read_files(source: Archive, root: Path, files: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    images = torch.empty(len(files) * source.records, 3, 32, 32, dtype=torch.uint8)
    labels = torch.empty(len(files) * source.records, dtype=torch.int64)
    for number, file in enumerate(files):
        records = _read_records(source, root / source.folder / file)
        place = slice(number * source.records, (number + 1) * source.records)
        labels[place] = records[:, 0]
        images[place] = records[:, 1:].view(-1, 3, 32, 32)
    return images, labels


def _read_records(source: Archive, path: Path) -> Tensor:
    data = read_bytes(path)
    expected = source.records * RECORD_BYTES
    if len(data) != expected:
        raise DataError(
            f"{path}: contains {len(data):,} bytes; {source.title} has {expected:,} in this file "
            f"({source.records:,} images of {RECORD_BYTES:,})"
        )
    records = torch.from_numpy(np.frombuffer(data, np.uint8).reshape(-1, RECORD_BYTES).copy())
    wrong = torch.nonzero(records[:, 0] >= len(source.class_names))
    if len(wrong):
        position = int(wrong[0])
        raise DataError(
            f"{path}: label {int(records[position, 0])} at position {position}, "
            f"{source.title}'s labels are 0 … {len(source.class_names) - 1}"
        )
    if not records[:, 1:].any():
        raise DataError(f"{path}: all of its {len(records):,} images are black (every byte is zero)")
    return records
