"""Folder locks: one process holds a folder by a system lock, which ends with the process in any case."""

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# None on Windows: two processes in one folder are not detected there.
fcntl: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None


def lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Lock an open folder until it is closed; do not wait.

    Args:
        descriptor: descriptor of the folder.
        shared: take a shared lock, which other processes can also have, instead of an exclusive one.

    Returns:
        True if it is locked now; False if another process has it; None if this system or disk has no locks.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this disk
        return None
    return True


class Held(NamedTuple):
    """A temporary folder, and the descriptor that locks it: a process that inherits the descriptor locks it too."""

    path: Path
    descriptor: int


@contextlib.contextmanager
def temporary_folder(kind: str) -> Iterator[Held]:
    """Create a locked temporary folder; remove folders of the same kind left by killed processes.

    Args:
        kind: prefix of its name, which no other program uses.
    """
    remove_left_behind(kind)
    if fcntl is None:  # Windows, where a folder cannot be opened, and nothing is removed
        with tempfile.TemporaryDirectory(prefix=kind, ignore_cleanup_errors=True) as folder:
            yield Held(Path(folder), -1)
        return
    unseen = Path(tempfile.mkdtemp(prefix=f".{kind}"))  # `remove_left_behind` ignores it until it is locked
    descriptor = os.open(unseen, os.O_RDONLY)
    try:
        lock(descriptor)
        path = unseen.with_name(unseen.name.removeprefix("."))
        unseen.rename(path)
        try:
            yield Held(path, descriptor)
        finally:
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


def remove_left_behind(kind: str) -> None:
    """Remove this user's folders that no process has locked; keep all if locks are not available."""
    for path in Path(tempfile.gettempdir()).glob(f"{kind}*") if fcntl is not None else ():
        with contextlib.suppress(OSError):
            if path.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(path, os.O_RDONLY)
            try:
                if lock(descriptor):
                    shutil.rmtree(path)
            finally:
                os.close(descriptor)
