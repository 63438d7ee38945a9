"""Files that a reader never sees half of: written under a temporary name beside the target, flushed, then renamed."""

import contextlib
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
        if error.filename is None:  # as of a write, which knows a number only
            error.filename = str(path)
        raise


@contextlib.contextmanager
def _written_whole(path: Path) -> Iterator[IO[Any]]:
    path.parent.mkdir(parents=True, exist_ok=True)
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
