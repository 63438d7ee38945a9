"""The folder of a sweep: held by one sweep at a time, and made ready for the points that are to run."""

import contextlib
import importlib.util
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan.errors import GanError
from gan.sweeps.points import FAILED, PRUNED, Point, saved_content

# None on Windows: two sweeps in one folder are not noticed there.
fcntl: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None
SET_ASIDE = ".cut"  # what was begun and cannot be gone on with; `gan report` passes over it
ORPHAN_SECONDS = 30.0  # a process of a sweep that was killed ends by itself within this
LOOK_SECONDS = 0.2


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a sweep's folder, as long as this process lives at most.

    Raises:
        GanError: another sweep is going on in it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise GanError(f"hydra.sweep.dir: {folder} cannot be made: {error.strerror}") from error
    try:
        if not _lock(descriptor):
            raise GanError(
                f"hydra.sweep.dir: a sweep is going on in {folder}; wait for it, or give another folder"
            ) from None
        yield
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):  # there is something in it
            folder.rmdir()


def is_free(folder: Path) -> bool:
    """False if a process trains in this run folder, and still does after the time in which one left behind ends."""
    last = time.monotonic() + ORPHAN_SECONDS
    while not _is_free_now(folder):
        if time.monotonic() > last:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _is_free_now(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open folder until it is closed; False if someone else has."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this disk
        return True
    return True


def clear(point: Point, *, resumable: bool) -> None:
    """Make the folder of a point ready for its run: what is there of an earlier one is gone on with, or set aside."""
    for name in (FAILED, PRUNED):
        (point.folder / name).unlink(missing_ok=True)
    if resumable or saved_content(point.folder) != point.content:  # nothing there, or not ours: the run will say so
        return
    aside = point.folder.parent / SET_ASIDE
    aside.mkdir(exist_ok=True)
    new = next(path for number in itertools.count(1) if not (path := aside / f"{point.folder.name}-{number}").exists())
    point.folder.rename(new)
