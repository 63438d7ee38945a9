"""Sweep folder: lock it for one sweep at a time, record the command, and prepare the folders of its jobs."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gan.runs import file_names
from gan.runs.run_files import read_json, read_json_or_empty, write_json
from gan.runs.run_folder import is_locked, remove_empty
from gan.system.errors import GanError
from gan.system.locks import lock

RECORD = "sweep.json"
ORPHAN_SECONDS = 30.0  # the processes of a killed sweep end by themselves within this time
LOOK_SECONDS = 0.2


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Lock the folder of a sweep inside the block, at most until this process ends.

    Raises:
        GanError: another sweep is running in it, or it cannot be created.
    """
    descriptor = _taken(folder)
    try:
        yield
    finally:
        remove_empty(folder)
        os.close(descriptor)  # last: so that no other sweep locks a folder that is being removed


def _taken(folder: Path) -> int:
    """Create and lock the folder, and return its descriptor; change nothing if another sweep has locked it."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise GanError(f"hydra.sweep.dir: {folder} cannot be created: {error.strerror}") from error
        if lock(descriptor) is False:
            os.close(descriptor)
            raise GanError(f"hydra.sweep.dir: a sweep is running in {folder}; wait for it, or give another folder")
        with contextlib.suppress(OSError):  # removed: a sweep with nothing to do has just ended
            if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
                return descriptor
        os.close(descriptor)


def is_free(folder: Path) -> bool:
    """Return whether no process trains in this run folder; waits `ORPHAN_SECONDS` for a leftover process to end."""
    last = time.monotonic() + ORPHAN_SECONDS
    while is_locked(folder):
        if time.monotonic() > last:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def clear(folder: Path) -> None:
    """Prepare the folder of a job for its run, which resumes an earlier run in it.

    Removes pruned.json last: after a kill in between, the job would otherwise count as finished.
    """
    (folder / file_names.FAILED).unlink(missing_ok=True)
    if (folder / file_names.PRUNED).exists():
        facts = read_json(folder / file_names.FACTS)
        facts.pop("ended", None)
        write_json(folder / file_names.FACTS, facts)
        (folder / file_names.PRUNED).unlink()


def of_this_command(dated: Path, command: Sequence[str]) -> Path:
    """Return the default folder of a sweep: the same command's newest sweep folder if unfinished, else ``dated``.

    Args:
        dated: ``multirun/DATE/TIME``, the folder for a new sweep.
    """
    command = sorted(_without_folder(command))
    records = sorted(dated.parent.parent.glob(f"*/*/{RECORD}"), reverse=True)
    same = (
        record for record in records if sorted(_without_folder(read_json_or_empty(record).get("command"))) == command
    )
    newest = next(same, None)
    if newest is None or read_json_or_empty(newest).get("finished"):
        return dated
    print(f"The sweep of this command in {newest.parent}/ is not finished; it is resumed.", flush=True)
    return newest.parent


def _without_folder(command: Any) -> list[str]:
    """A sweep's command without its folder: the command that resumes a sweep names it."""
    words = map(str, command) if isinstance(command, Sequence) else ()
    return [word for word in words if not word.startswith("hydra.sweep.dir=")]


def keep_record(folder: Path, command: Sequence[str], *, finished: bool) -> None:
    """Record the command of a sweep, and whether all its jobs are finished."""
    write_json(folder / RECORD, {"command": _without_folder(command), "finished": finished})
