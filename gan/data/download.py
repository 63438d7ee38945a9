"""Fetching a set: a reader sees old files or new ones, never half of one."""

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
SILENCE_SECONDS = 30.0  # torchvision sets no timeout: a server that stops answering would hang the run for ever
NOTICE_SECONDS = 2.0  # how long to wait for another job before saying so


def fetch(source: DatasetSpec | Archive, root: Path) -> None:
    """Download all files of a set into ``root``, verified before they are put in place.

    Jobs that share ``root`` wait for one another, and the later ones find the work done. Files that were there and
    differ from the new ones are kept beside them as ``<file>.replaced``.

    Raises:
        DataError: if the root cannot be written, no mirror gives the files, or what came is broken. The message is
            one line. Whatever was under ``root`` is then as it was.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            if not _is_complete(source, root):
                _fetch_locked(source, root)
    except OSError as error:
        raise DataError(f"cannot write to {root}: {error.strerror or error}") from error


def wait_for_fetch(root: Path) -> None:
    """Return once no other process is downloading into ``root``; at once if none ever was."""
    if (root / LOCK_NAME).exists():
        with contextlib.suppress(OSError), _locked(root):  # a root that cannot be locked cannot be downloaded into
            pass


def _fetch_locked(source: DatasetSpec | Archive, root: Path) -> None:
    work = root / WORK_NAME
    # one that is there already was left by a job that was killed: whoever holds the lock is alone
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
    """Let torchvision put its files under ``folder``; its failure becomes one line of DataError."""
    import torchvision.datasets  # here, because it takes a second and most runs find their data on the disk

    dataset: Any = getattr(torchvision.datasets, source.torchvision_class)
    halves: list[dict[str, Any]] = [{"split": source.split}] if source.split else [{}]
    if source.name == "qmnist":
        halves = [{"train": True}, {"train": False}]  # each downloads only its own half
    logger.info("downloading %s from %s", source.title, ", ".join(_addresses(dataset)))
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)
    try:
        for options in halves:
            dataset(str(folder), download=True, **options)
    except Exception as error:  # of any type: urllib's, gzip's, zipfile's, torchvision's asserts on a garbled header
        raise DataError(_reason(error, _addresses(dataset))) from error
    finally:
        socket.setdefaulttimeout(before)


def _fetch_archive(source: Archive, folder: Path) -> None:
    """Download an archive and unpack it under ``folder``; a failure becomes one line of DataError."""
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
    """Where torchvision looks for a set: mirrors, or the folders of its full addresses."""
    # in this order, because EMNIST and QMNIST inherit MNIST's mirrors and do not use them
    if url := getattr(dataset, "url", None):
        return [url]
    if isinstance(dataset.resources, dict):
        return sorted({url.rsplit("/", 1)[0] + "/" for half in dataset.resources.values() for url, _ in half})
    return list(dataset.mirrors)


def _reason(error: Exception, addresses: list[str]) -> str:
    """One line: what failed, and at which addresses.

    torchvision reports several mirrors as "Error downloading F:\\nTried <mirror>, got:\\n<text>\\nTried …".
    """
    text = str(error) or type(error).__name__
    tried = re.findall(r"Tried (\S+), got:\n(.*)", text)
    if tried:
        return "; ".join(f"{mirror}: {_plain(what)}" for mirror, what in tried)
    return f"{', '.join(addresses)}: {_plain(text)}"


def _plain(text: str) -> str:
    """urllib's and torchvision's words, on one line and without their wrapping."""
    text = " ".join(text.split())
    if text == "File not found or corrupted.":
        return "the answer is not the file (wrong md5)"
    wrapped = re.fullmatch(r"<urlopen error (?:\[Errno -?\d+\] )?(.*)>", text)
    return wrapped[1] if wrapped else text


def _put_in_place(new_folder: Path, folder: Path, files: tuple[str, ...]) -> None:
    """Rename each new file to its place.

    All of them, not only those that were broken: two editions of one set, mixed, would share images between train and
    test. What differs is kept: it may be somebody's own data.
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
    """``<path>.replaced``, or ``.replaced2`` and so on where that is taken."""
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
def _locked(root: Path) -> Iterator[None]:
    """Alone under this root, among all processes and threads; says so when it has to wait."""
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
