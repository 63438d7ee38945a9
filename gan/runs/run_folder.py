"""Run folder: claim it for one run, lock it, check its disk space, and clean up if the run never starts."""

import contextlib
import itertools
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gan.runs import file_names
from gan.system.errors import ConfigError
from gan.system.files import write_bytes
from gan.system.locks import lock

PATIENCE = 15.0  # seconds for an ending process to release its folder: mainly ranks whose parent was killed
ROOM = 50_000_000  # bytes on the disk: a few checkpoints, and the pictures, of the largest network that we ship
UNFINISHED = re.compile(r"\..+\.(\w{8}|[0-9a-f]{32})\.tmp")  # left by a process killed during a write


@dataclass
class Claims:
    """Run folders claimed by this process.

    Attributes:
        new: folders claimed for a new run.
        resumed: folders claimed for a resumed run, each with the previous content of its config.yaml.
        locks: descriptors of open folders, which are locked as long as they are open.
    """

    new: list[Path] = field(default_factory=list)
    resumed: dict[Path, bytes] = field(default_factory=dict)
    locks: dict[Path, int] = field(default_factory=dict)


_claims = Claims()


class ClaimedError(ConfigError):
    """The folder belongs to another run."""


def claimed() -> Path | None:
    """Return the folder that the run of this process has claimed; None if it has none yet."""
    return next(reversed(_claims.new or _claims.resumed), None)


def claim(settings: Mapping[str, Any]) -> None:
    """Claim ``settings["run_dir"]`` for this run: write the settings to config.yaml there, and lock the folder.

    If several runs claim one folder at the same time, only one succeeds.

    Raises:
        ClaimedError: another run has claimed it.
        ConfigError: it cannot be written, its disk is full, or it has files that a run would overwrite.
    """
    folder = Path(settings["run_dir"])
    content = _content(settings)
    if os.path.expandvars(folder) != str(folder):
        raise ConfigError(
            f"hydra.run.dir: {folder} given; a name without a variable such as $HOME expected, because TensorBoard's "
            "logger would replace it"
        )
    if not (folder / file_names.SETTINGS).exists() and (there := written(folder)):
        raise ConfigError(
            f"hydra.run.dir: {folder} contains no run, but files that a run would overwrite: "
            f"{', '.join(path.name for path in there)}; give another folder"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(folder / file_names.SETTINGS, content)
        _lock(folder, f"hydra.run.dir: another process is training in {folder}; wait for it, or give another folder")
        free = shutil.disk_usage(folder).free
    except FileExistsError:
        raise ClaimedError(
            f"hydra.run.dir: {folder} already contains a run, which is not overwritten; "
            "give another folder, or leave hydra.run.dir out for a new one"
        ) from None
    except OSError as error:
        raise ConfigError(f"hydra.run.dir: {folder} cannot be written: {error.strerror}") from error
    _claims.new.append(folder)
    _check_room(folder, free)


def reclaim(settings: Mapping[str, Any], *, anew: bool) -> Path | None:
    """Claim the folder of a run to resume, and write its current settings there.

    Args:
        settings: settings of the run, including ``run_dir``.
        anew: the run has no checkpoint and starts over: move its earlier files to a subfolder.

    Returns:
        The subfolder with the earlier files; None if there were none.

    Raises:
        ConfigError: another process trains in it, it cannot be written, or its disk is full.
    """
    folder = Path(settings["run_dir"])
    lock_run(folder)
    try:
        _claims.resumed[folder] = (folder / file_names.SETTINGS).read_bytes()
        aside = _set_aside(folder) if anew else None
        (folder / file_names.FAILED).unlink(missing_ok=True)
        for path in folder.glob("**/.*.tmp"):
            if UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)
        write_bytes(folder / file_names.SETTINGS, _content(settings))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ConfigError(f"hydra.run.dir: {folder} cannot be written: {error.strerror}") from error
    _check_room(folder, free)
    return aside


def written(folder: Path) -> list[Path]:
    """Return the files and folders there that a run writes, other than config.yaml."""
    return [path for name in file_names.WRITTEN if os.path.lexists(path := folder / name)]


def _set_aside(folder: Path) -> Path | None:
    """Move the files that a run has written to a new subfolder of its folder, and return that."""
    there = written(folder)
    if not there:
        return None
    aside = next(path for number in itertools.count(1) if not os.path.lexists(path := folder / f"set_aside_{number}"))
    aside.mkdir()
    for path in there:
        path.rename(aside / path.name)
    with contextlib.suppress(FileNotFoundError):  # the command of the run, until the new run.json is written
        write_bytes(folder / file_names.FACTS, (aside / file_names.FACTS).read_bytes())
    return aside


def adopt(folder: Path, descriptors: Sequence[int]) -> None:
    """Register the run folder, and its locks, that this process claimed before `os.execv` replaced it."""
    _claims.new.append(folder)
    _claims.locks.update(zip([folder], descriptors, strict=False))


def _content(settings: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(dict(settings), sort_keys=False).encode()


def _check_room(folder: Path, free: int) -> None:
    if free < ROOM:
        raise ConfigError(
            f"hydra.run.dir: {folder} given, but its disk has only {free / 1e6:,.0f} MB left; "
            f"{ROOM / 1e6:,.0f} MB expected"
        )


def lock_descriptors() -> list[int]:
    """Return the descriptors that the other processes of the run must inherit to keep the folder locked."""
    return list(_claims.locks.values())


def in_use_message(folder: Path | str) -> str:
    """Return the message for a user who resumes a run in which another process is training."""
    return f"resume: another process is training in {folder}; when it has ended, run the same command again"


def lock_run(folder: Path) -> None:
    """Lock the folder of a run to resume; wait up to `PATIENCE` seconds for a process that is ending.

    Raises:
        ConfigError: another process trains in it.
    """
    if folder not in _claims.locks:
        _lock(folder, in_use_message(folder))


def _lock(folder: Path, held: str) -> None:
    """Lock a run folder until this process ends, in whatever way; ``held`` is the message if it is locked already.

    Raises:
        ConfigError: another process keeps it locked.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # the first write will raise the error
    last = time.monotonic() + PATIENCE
    while (locked := lock(descriptor)) is False and time.monotonic() < last:
        time.sleep(0.1)
    if locked:
        _claims.locks[folder] = descriptor
        return
    os.close(descriptor)
    if locked is False:
        raise ConfigError(held)


def is_locked(folder: Path) -> bool | None:
    """True if a process trains in a run folder now; None if unknown, because locks are not available."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        locked = lock(descriptor, shared=True)
    finally:
        os.close(descriptor)
    return None if locked is None else not locked


def release_all() -> None:
    """Release the run folders that this process claimed and locked for an earlier run."""
    _claims.new.clear()
    _claims.resumed.clear()
    while _claims.locks:
        os.close(_claims.locks.popitem()[1])


def _write_new(path: Path, content: bytes) -> None:
    """Write a new file atomically; raise FileExistsError if it exists."""
    own = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    write_bytes(own, content)
    try:
        os.link(own, path)  # unlike a rename, fails if the file exists
    except FileExistsError:
        raise
    except OSError:  # no hard links on this disk
        with path.open("xb") as file:
            file.write(content)
    finally:
        own.unlink()


def remove_empty(folder: Path) -> None:
    """Remove a folder and its parents if they are empty: up to the working folder, or two parents outside it."""
    folder, here = folder.absolute(), Path.cwd()
    around = [path for path in folder.parents if path.is_relative_to(here)] or folder.parents[:2]
    for path in (folder, *around):
        if here.is_relative_to(path):
            return
        try:
            path.rmdir()
        except OSError:
            return


def is_new(folder: Path | None) -> bool:
    """True if this process claimed the folder for a new run, not to resume one."""
    return folder in _claims.new


def remove_unstarted(folder: Path) -> None:
    """Remove the folder of a run that has written nothing but its config.yaml."""
    if [path.name for path in folder.iterdir()] == [file_names.SETTINGS]:
        (folder / file_names.SETTINGS).unlink()
        remove_empty(folder)


@contextlib.contextmanager
def undo_on_failure(folder: Path) -> Iterator[None]:
    """If the block fails before the run starts, remove the run's config.yaml and empty folders.

    For a resumed run, restore the previous config.yaml. A folder that the run does not use, as in a dry run, is also
    removed if it is empty.

    Args:
        folder: the run folder that Hydra created; the run may have claimed another one.
    """
    release_all()
    try:
        yield
        if claimed() != folder:
            remove_empty(folder)
    except BaseException:
        for own in _claims.new:
            (own / file_names.SETTINGS).unlink(missing_ok=True)
        for again, content in _claims.resumed.items():
            with contextlib.suppress(OSError):
                write_bytes(again / file_names.SETTINGS, content)
        for made in {folder, *_claims.new}:
            remove_empty(made)
        release_all()
        raise
