"""The folder of a sweep: held by one sweep at a time, and made ready for the jobs that are to run."""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gan.runs.run_files import RunFileError, read_json
from gan.runs.run_folder import remove_empty
from gan.runs.sweep_jobs import FAILED, PRUNED
from gan.system.errors import GanError
from gan.system.files import write_bytes
from gan.system.locks import lock

RECORD = "sweep.json"
ORPHAN_SECONDS = 30.0  # a process of a sweep that was killed ends by itself within this
LOOK_SECONDS = 0.2


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a sweep's folder, as long as this process lives at most.

    Raises:
        GanError: another sweep is going on in it, or it cannot be made.
    """
    descriptor = _taken(folder)
    try:
        yield
    finally:
        remove_empty(folder)
        os.close(descriptor)  # last: nobody holds a folder that is about to go


def _taken(folder: Path) -> int:
    """The descriptor by which a folder is held; of another sweep's it changes nothing."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise GanError(f"hydra.sweep.dir: {folder} cannot be made: {error.strerror}") from error
        if lock(descriptor) is False:
            os.close(descriptor)
            raise GanError(f"hydra.sweep.dir: a sweep is going on in {folder}; wait for it, or give another folder")
        with contextlib.suppress(OSError):  # gone: a sweep that found nothing to do has ended just now
            if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
                return descriptor
        os.close(descriptor)


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
        return lock(descriptor) is not False
    finally:
        os.close(descriptor)


def clear(folder: Path) -> None:
    """Make the folder of a job ready for its run, which goes on from what is there of an earlier one.

    That it was ended early is forgotten last: killed in between, the job would count as finished.
    """
    (folder / FAILED).unlink(missing_ok=True)
    if (folder / PRUNED).exists():
        facts = read_json(folder / "run.json")
        facts.pop("ended", None)
        write_bytes(folder / "run.json", json.dumps(facts, indent=2).encode())
        (folder / PRUNED).unlink()


def of_this_command(dated: Path, command: Sequence[str]) -> Path:
    """The folder for a sweep that names none: of the same command's newest sweep, if not all its jobs are finished.

    Args:
        dated: ``multirun/DATE/TIME``, of a new sweep.
    """
    records = sorted(dated.parent.parent.glob(f"*/*/{RECORD}"), reverse=True)
    same = (record for record in records if _record(record).get("command") == list(command))
    newest = next(same, None)
    if newest is None or _record(newest).get("finished"):
        return dated
    print(f"The sweep of this command in {newest.parent}/ is not finished: it goes on.", flush=True)
    return newest.parent


def keep_record(folder: Path, command: Sequence[str], *, finished: bool) -> None:
    """Leave word of what command a sweep is, and whether it has all its results."""
    facts = {"command": list(command), "finished": finished}
    write_bytes(folder / RECORD, (json.dumps(facts, indent=2) + "\n").encode())


def _record(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path))
    except (OSError, RunFileError):
        return {}
