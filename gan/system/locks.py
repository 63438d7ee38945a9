"""Folders that one process holds at a time, by a lock of the system's that ends with the process, however it ends."""

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# None on Windows: that two processes have one folder is not noticed there.
fcntl: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None


def lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Lock an open folder until it is closed, and do not wait.

    Args:
        descriptor: of the folder.
        shared: beside others that have it shared, and no one else.

    Returns:
        Whether it is locked now: False if someone else has it; None where there are no locks, on this system or disk.
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
    """A temporary folder, and the descriptor by which it is held: a process that inherits it holds it too."""

    path: Path
    descriptor: int


@contextlib.contextmanager
def temporary_folder(kind: str) -> Iterator[Held]:
    """A new temporary folder; those of the same kind that a killed process has left behind are removed.

    Args:
        kind: the beginning of its name, which nobody else's folders have.
    """
    remove_left_behind(kind)
    unseen = Path(tempfile.mkdtemp(prefix=f".{kind}"))  # by those who look for what was left, until it is held
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
    """Remove folders of this user's that nobody holds; where there are no locks nobody knows, and they stay."""
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
