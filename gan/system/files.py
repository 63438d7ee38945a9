"""Atomic file writes: write to a temporary file beside the target, flush it, then rename it."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


def user_cache() -> Path:
    """The cache folder ``$XDG_CACHE_HOME/gan``, by default ``~/.cache/gan``. Users may delete it at any time."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path("~/.cache").expanduser()) / "gan"


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[IO[Any]]:
    """Open a binary file that replaces ``path`` when the block succeeds, and is removed when it fails.

    Raises:
        OSError: for example the disk is full; ``path`` is then unchanged.
    """
    try:
        with _written_whole(path) as file:
            yield file
    except OSError as error:
        if not _held or error.filename != str(_held[0][0]):  # else the name may be the temporary file's, or None
            error.filename = str(path)
        raise


@contextlib.contextmanager
def _written_whole(path: Path) -> Iterator[IO[Any]]:
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _flush_names(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_file(path) as file:
        file.write(content)


_held: list[tuple[Path, int]] = []  # a folder and its inode number


def hold(folder: Path) -> None:
    """From now on, refuse to write below this folder if it was moved or deleted, instead of creating it again.

    One folder is held at a time.
    """
    _held[:] = [(folder.absolute(), folder.stat().st_ino)] if folder.exists() else []


def release() -> None:
    """Undo `hold`."""
    _held.clear()


def make_folder(folder: Path) -> None:
    """Create a folder and its parents if they are missing.

    Raises:
        FileNotFoundError: it is in the held folder, which was moved or deleted.
    """
    for held, number in _held:
        if folder.absolute().is_relative_to(held) and not (held.exists() and held.stat().st_ino == number):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(held))
    folder.mkdir(parents=True, exist_ok=True)


def _flush_names(folder: Path) -> None:
    """Flush a folder, so that a rename in it reaches the disk; if that fails, the system flushes it later."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
