"""The folder of a run: taken by one run alone, with room on its disk, and not left behind by a run that never began."""

import contextlib
import itertools
import json
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

from gan.runs.checkpoint_file import CheckpointError, is_intact, newest_first
from gan.runs.run_files import RunFileError, read_json
from gan.system import shell
from gan.system.errors import ConfigError
from gan.system.files import write_bytes
from gan.system.locks import lock

PATIENCE = 15.0  # seconds for a process that ends to let go of its folder: ranks whose parent was killed, above all
ROOM = 50_000_000  # bytes on the disk: a few checkpoints, and the pictures, of the largest network that we ship
FAILED = "failed.json"  # of a job of a sweep: why it failed
# What a run, and who measures it, writes beside config.yaml.
WRITTEN = (
    *("metrics.csv", "losses.png", "run.json", "alarms.json", "quality.json", "generator.safetensors"),
    *("samples", "tensorboard", "checkpoints"),
)
UNFINISHED = re.compile(r"\..+\.(\w{8}|[0-9a-f]{32})\.tmp")  # of a process that was killed while it wrote a file
ENDED_EARLY = ("failed", "cut")  # in run.json: by an error, by a signal


@dataclass
class Claims:
    """The run folders that this process has.

    Attributes:
        new: taken for a new run.
        resumed: taken for a run that is resumed, each with what its config.yaml was before.
        locks: descriptors of open folders, which are locked as long as they are open.
    """

    new: list[Path] = field(default_factory=list)
    resumed: dict[Path, bytes] = field(default_factory=dict)
    locks: dict[Path, int] = field(default_factory=dict)


_claims = Claims()


class ClaimedError(ConfigError):
    """The folder belongs to another run."""


def claimed() -> Path | None:
    """The folder that the run of this process has taken; None as long as it has none."""
    return next(reversed(_claims.new or _claims.resumed), None)


def ended(folder: Path) -> dict[str, Any]:
    """What run.json says of how far a run came, and how good it became; {} of one that has not ended by itself."""
    try:
        facts = read_json(folder / "run.json").get("ended")
    except (OSError, RunFileError):
        return {}
    return facts if isinstance(facts, dict) else {}


def record_early_end(folder: Path, how: str, **facts: Any) -> None:
    """Say in run.json why a run has ended early, in place of what it may say of that.

    Where it cannot be said (no room, no such file), what the end is about must not be hidden by that.
    """
    path = folder / "run.json"
    with contextlib.suppress(OSError, RunFileError):
        said = {name: value for name, value in read_json(path).items() if name not in ENDED_EARLY}
        if "ended" not in said:
            said[how] = {"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **facts}
            write_bytes(path, (json.dumps(said, indent=2) + "\n").encode())


def claim(settings: Mapping[str, Any]) -> None:
    """Take ``settings["run_dir"]`` for this run, by leaving the settings there as config.yaml.

    Of several runs that want one folder at the same time one gets it.

    Raises:
        ClaimedError: another run has it.
        ConfigError: it cannot be written, or its disk is full.
    """
    folder = Path(settings["run_dir"])
    content = _content(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(folder / "config.yaml", content)
        _lock(folder, f"hydra.run.dir: in {folder} another process is training; wait for it, or give another folder")
        free = shutil.disk_usage(folder).free
    except FileExistsError:
        raise ClaimedError(
            f"hydra.run.dir: {folder} holds a run already, which stays as it is; "
            "give another folder, or leave hydra.run.dir out for a new one"
        ) from None
    except OSError as error:
        raise ConfigError(f"hydra.run.dir: {folder} cannot be written: {error.strerror}") from error
    _claims.new.append(folder)
    _check_room(folder, free)


def reclaim(settings: Mapping[str, Any], *, anew: bool) -> Path | None:
    """Take the folder of a run that is to go on, and leave its settings there as they are now.

    Args:
        settings: of the run, ``run_dir`` among them.
        anew: no checkpoint was ever written: what else the run has written is set aside.

    Returns:
        Where that is now, a folder in this one; None: there was nothing.

    Raises:
        ConfigError: another process trains in it, it cannot be written, or its disk is full.
    """
    folder = Path(settings["run_dir"])
    lock_run(folder)
    try:
        _claims.resumed[folder] = (folder / "config.yaml").read_bytes()
        aside = _set_aside(folder) if anew else None
        (folder / FAILED).unlink(missing_ok=True)
        for path in folder.glob("**/.*.tmp"):
            if UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)
        write_bytes(folder / "config.yaml", _content(settings))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ConfigError(f"hydra.run.dir: {folder} cannot be written: {error.strerror}") from error
    _check_room(folder, free)
    return aside


def _set_aside(folder: Path) -> Path | None:
    """Move what a run has written into a new folder in its own."""
    there = [path for name in WRITTEN if os.path.lexists(path := folder / name)]
    if not there:
        return None
    aside = next(path for number in itertools.count(1) if not os.path.lexists(path := folder / f"set_aside_{number}"))
    aside.mkdir()
    for path in there:
        path.rename(aside / path.name)
    return aside


def adopt(folder: Path, descriptors: Sequence[int]) -> None:
    """Take over the run folder that this process had taken, with its locks, before it was replaced."""
    _claims.new.append(folder)
    _claims.locks.update(zip([folder], descriptors, strict=False))


def _content(settings: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(dict(settings), sort_keys=False).encode()


def _check_room(folder: Path, free: int) -> None:
    if free < ROOM:
        raise ConfigError(
            f"hydra.run.dir: {folder} given, whose disk has {free / 1e6:,.0f} MB left; {ROOM / 1e6:,.0f} MB expected"
        )


def lock_descriptors() -> list[int]:
    """What a process that takes part in the run must inherit, so that the folder is held as long as it lives too."""
    return list(_claims.locks.values())


def in_use_message(folder: Path | str) -> str:
    """What to say to whoever wants to go on with a run that another process goes on with."""
    return f"resume: in {folder} another process is training; when it has ended, give the same command again"


def lock_run(folder: Path) -> None:
    """Hold the folder of a run that is to go on; if a process holds it that is about to end, wait for that.

    Raises:
        ConfigError: another process trains in it.
    """
    if folder not in _claims.locks:
        _lock(folder, in_use_message(folder))


def _lock(folder: Path, held: str) -> None:
    """Hold a run folder as long as this process lives, however it ends; ``held``: what to say if another does.

    Raises:
        ConfigError: another process holds it, and goes on to.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # whoever writes to it will say so
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
    """Whether a process trains in a run folder now; None where that cannot be known, for want of locks."""
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
    """Release the run folders that this process has taken and locked, for an earlier run."""
    _claims.new.clear()
    _claims.resumed.clear()
    while _claims.locks:
        os.close(_claims.locks.popitem()[1])


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist, whole or not at all."""
    own = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    write_bytes(own, content)
    try:
        os.link(own, path)  # unlike a rename it fails where there is a file
    except FileExistsError:
        raise
    except OSError:  # no hard links on this disk
        with path.open("xb") as file:
            file.write(content)
    finally:
        own.unlink()


def remove_empty(folder: Path) -> None:
    """Remove a folder, and those that it is in, where they are empty: up to the working folder, or two elsewhere."""
    folder, here = folder.absolute(), Path.cwd()
    around = [path for path in folder.parents if path.is_relative_to(here)] or folder.parents[:2]
    for path in (folder, *around):
        if here.is_relative_to(path):
            return
        try:
            path.rmdir()
        except OSError:
            return


@contextlib.contextmanager
def undo_on_failure(folder: Path) -> Iterator[None]:
    """If what is inside fails, remove what was made for a run that never began: its config.yaml, and empty folders.

    Of a run that was to go on config.yaml is again what it was. A folder that is not the run's after all, as in a dry
    run, is removed too, if it is empty.

    Args:
        folder: the run folder as Hydra has made it; the run may have taken another one.
    """
    release_all()
    try:
        yield
        if claimed() != folder:
            remove_empty(folder)
    except BaseException:
        for own in _claims.new:
            (own / "config.yaml").unlink(missing_ok=True)
        for again, content in _claims.resumed.items():
            with contextlib.suppress(OSError):
                write_bytes(again / "config.yaml", content)
        for made in {folder, *_claims.new}:
            remove_empty(made)
        release_all()
        raise


def describe_stopped_run(folder: Path | None) -> str:
    """Of a run that was stopped: a sentence on what its folder holds; None if it has taken none."""
    if folder is None:
        return "The run had not begun."
    shown = shell.short(folder)
    whole = None
    with contextlib.suppress(CheckpointError):
        whole = next((path for path in newest_first(folder) if is_intact(path)), None)
    if whole is None:
        return f"What it has written is kept in {shown}/; it holds no whole checkpoint yet."
    at = time.strftime("%H:%M:%S", time.localtime(whole.stat().st_mtime))
    return (
        f"What it has written is kept in {shown}/; the last whole checkpoint is {whole.relative_to(folder)}, of {at}.\n"
        f"To go on: {shell.resume(folder)}"
    )


def in_folder(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings of a run as they would be if it lay in this folder."""
    moved: dict[str, Any] = _replaced(settings, settings["run_dir"], str(folder))
    return moved


def _replaced(value: Any, old: str, new: str) -> Any:
    """The same with every path that is or lies in the folder ``old`` put into ``new``."""
    if isinstance(value, dict):
        return {name: _replaced(part, old, new) for name, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, old, new) for part in value]
    if isinstance(value, str) and (value == old or value.startswith(f"{old}/")):
        return new + value.removeprefix(old)
    return value
