"""Atomic downloads of datasets, with a lock between processes."""

import contextlib
import filecmp
import hashlib
import http.client
import logging
import os
import re
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gan.data.cifar import unpack
from gan.data.registry import Archive, DatasetSpec
from gan.data.verification import read_source
from gan.system.errors import DataError

logger = logging.getLogger(__name__)

LOCK_NAME = ".download.lock"
WORK_NAME = ".download"
SILENCE_SECONDS = 30.0  # socket timeout; torchvision sets none
NOTICE_SECONDS = 2.0  # waiting time for another job before a message is logged


def fetch(source: DatasetSpec | Archive, root: Path) -> None:
    """Download all files of a dataset into ``root``; they are verified before they are moved to their place.

    Jobs with the same ``root`` wait for each other; the later ones find the finished files. Existing files that differ
    from the new ones are kept as ``<file>.replaced``.

    Raises:
        DataError: the root cannot be written, no mirror has the files, or the downloaded files are damaged. The message
            is one line. ``root`` is then unchanged.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with locked(root):
            if not _is_complete(source, root):
                _fetch_locked(source, root)
    except OSError as error:
        raise DataError(f"cannot write to {root}: {error.strerror or error}") from error


def wait_for_fetch(root: Path) -> None:
    """Wait until no other process is downloading into ``root``."""
    if (root / LOCK_NAME).exists():
        with contextlib.suppress(OSError), locked(root):  # a root that cannot be locked cannot be downloaded into
            pass


def _fetch_locked(source: DatasetSpec | Archive, root: Path) -> None:
    work = root / WORK_NAME
    # an existing folder was left by a killed job: the holder of the lock is alone
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        if isinstance(source, Archive):
            _fetch_archive(source, work)
        else:
            _run_torchvision(source, work)
        try:
            read_source(source, work)
        except DataError as error:
            raise DataError(f"what was downloaded is broken: {str(error).removeprefix(f'{work}/')}") from None
        _put_in_place(work / source.folder, root / source.folder, source.files)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_torchvision(source: DatasetSpec, folder: Path) -> None:
    """Download by torchvision into ``folder``; errors become a DataError of one line."""
    import torchvision.datasets  # here, because it takes a second and is rarely needed

    dataset: Any = getattr(torchvision.datasets, source.torchvision_class)
    parts: list[dict[str, Any]] = [{"split": source.split}] if source.split else [{}]
    if source.name == "qmnist":
        parts = [{"train": True}, {"train": False}]  # each downloads one split
    logger.info("downloading %s from %s", source.title, ", ".join(_addresses(dataset)))
    try:
        with socket_timeout():
            for options in parts:
                dataset(str(folder), download=True, **options)
    except Exception as error:  # of any type: from urllib, gzip, zipfile, or torchvision's asserts
        raise DataError(_reason(error, _addresses(dataset))) from error


@contextlib.contextmanager
def socket_timeout() -> Iterator[None]:
    """Stop downloads inside the block if nothing arrives for ``SILENCE_SECONDS``; torchvision sets no timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _fetch_archive(source: Archive, folder: Path) -> None:
    """Download an archive and unpack it into ``folder``; errors become a DataError of one line."""
    from tqdm import tqdm

    archive = folder / source.address.rsplit("/", 1)[-1]
    logger.info("downloading %s from %s", source.title, source.address)
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(source.address, timeout=SILENCE_SECONDS) as answer, archive.open("wb") as file:
            length = int(answer.headers.get("Content-Length", 0)) or None
            with tqdm(total=length, unit="B", unit_scale=True, desc=source.title, disable=None) as bar:
                while part := answer.read(1 << 20):
                    digest.update(part)
                    file.write(part)
                    bar.update(len(part))
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise DataError(f"{source.address}: {_plain(str(error) or type(error).__name__)}") from error
    if digest.hexdigest() != source.sha256:
        raise DataError(f"{source.address}: the answer is not the file (wrong sha256)")
    try:
        unpack(source, archive, folder)
    except DataError as error:
        raise DataError(f"{source.address}: {error}") from None
    archive.unlink()


def _addresses(dataset: Any) -> list[str]:
    """The URLs of a dataset in torchvision: mirrors, or the folders of full URLs."""
    # in this order, because EMNIST and QMNIST inherit MNIST's mirrors without using them
    if url := getattr(dataset, "url", None):
        return [url]
    if isinstance(dataset.resources, dict):
        return sorted({url.rsplit("/", 1)[0] + "/" for half in dataset.resources.values() for url, _ in half})
    return list(dataset.mirrors)


def _reason(error: Exception, addresses: list[str]) -> str:
    """The error in one line, with the URLs.

    torchvision reports several mirrors as "Error downloading F:\\nTried <mirror>, got:\\n<text>\\nTried …".
    """
    text = str(error) or type(error).__name__
    tried = re.findall(r"Tried (\S+), got:\n(.*)", text)
    if tried:
        return "; ".join(f"{mirror}: {_plain(what)}" for mirror, what in tried)
    return f"{', '.join(addresses)}: {_plain(text)}"


def _plain(text: str) -> str:
    """A message of urllib or torchvision in one line."""
    text = " ".join(text.split())
    if text == "File not found or corrupted.":
        return "the answer is not the file (wrong md5)"
    wrapped = re.fullmatch(r"<urlopen error (?:\[Errno -?\d+\] )?(.*)>", text)
    return wrapped[1] if wrapped else text


def _put_in_place(new_folder: Path, folder: Path, files: tuple[str, ...]) -> None:
    """Move each new file to its place.

    All files are replaced, not only damaged ones: a mixture of two editions could have the same images in train and
    test. Replaced files are kept: they may be the user's data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        old, new = folder / file, new_folder / file
        if old.exists():
            if filecmp.cmp(old, new, shallow=False):
                continue
            kept = _unused(old)
            logger.warning("%s is replaced; the old file is kept as %s", old, kept.name)
            os.replace(old, kept)
        with new.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(new, old)


def _unused(path: Path) -> Path:
    """``<path>.replaced``, or ``.replaced2`` and so on if that exists."""
    kept, number = path.with_name(f"{path.name}.replaced"), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.replaced{number}")
    return kept


def _is_complete(source: DatasetSpec | Archive, root: Path) -> bool:
    try:
        read_source(source, root)
    except DataError:
        return False
    return True


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Lock this root among all processes and threads; a message is logged when it has to wait."""
    lock = FileLock(root / LOCK_NAME)
    try:
        lock.acquire(timeout=NOTICE_SECONDS)
    except Timeout:
        logger.warning("waiting for another job that downloads into %s", root)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
