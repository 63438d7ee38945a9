"""Files that a reader never sees half of: written under a temporary name beside the target, flushed, then renamed."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[IO[Any]]:
    """Open a binary file that takes the place of ``path`` once the block has ended well, and leaves no trace if not.

    Raises:
        OSError: the disk is full, or the like; ``path`` is then as it was.
    """
    try:
        with _written_whole(path) as file:
            yield file
    except OSError as error:
        if not _held or error.filename != str(_held[0][0]):  # else it may be that of the temporary file, or none
            error.filename = str(path)
        raise


@contextlib.contextmanager
def _written_whole(path: Path) -> Iterator[IO[Any]]:
    make_folder(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        _flush_names(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file or none."""
    with atomic_file(path) as file:
        file.write(content)


_held: list[tuple[Path, int]] = []  # a folder and its number on its disk


def hold(folder: Path) -> None:
    """From now on nothing is written below this folder if it was moved or deleted: part of it would be created again.

    One folder is held at a time.
    """
    _held[:] = [(folder.absolute(), folder.stat().st_ino)] if folder.exists() else []


def release() -> None:
    """Take `hold` back."""
    _held.clear()


def make_folder(folder: Path) -> None:
    """Create a folder, and those above it, where they are missing.

    Raises:
        FileNotFoundError: it is in the folder that is held, and that was moved or deleted.
    """
    for held, number in _held:
        if folder.absolute().is_relative_to(held) and not (held.exists() and held.stat().st_ino == number):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(held))
    folder.mkdir(parents=True, exist_ok=True)


def _flush_names(folder: Path) -> None:
    """A rename is on the disk once its folder is; where a folder cannot be flushed, it is left to the system."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
