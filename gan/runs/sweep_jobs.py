"""A job of a sweep: one run's settings, by which it is known, and the folder in which it lies."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from gan.runs.run_files import RunFileError, read_json, read_settings
from gan.runs.run_folder import FAILED, ended
from gan.system.errors import ConfigError

PRUNED = "pruned.json"  # in a job's folder: why its search ended it early
STUDY = "study.db"  # in a search's folder: its account, of which gan.launch.sweeps.study knows
PLACES = ("run_dir", "dry_run", "resume")  # where a run lies, and how it is begun, is no part of what it is
NOT_OF_ONE_RUN = ("sweep=", "resume.", "callbacks.pruning.")
NAME_LENGTH = 80


class State(StrEnum):
    """What has become of a job, by the files in its folder."""

    MISSING = "missing"  # not begun
    CUT = "cut"  # begun, and ended neither well nor by an error: killed, or still going
    FAILED = "failed"
    PRUNED = "pruned"
    FINISHED = "finished"


@dataclass(frozen=True)
class SweepJob:
    """One run of a sweep.

    Attributes:
        words: its overrides, as one would type them, such as "optimizer.lr=1e-4".
        content: its settings as text, without those of ``PLACES``: jobs with the same are equal.
        folder: where it lies, or will.
        hydra_words: overrides for its process alone, that are no settings of it.
        mistake: why its words make no settings, and it cannot be run; its content is its words then. "": they do.
    """

    words: tuple[str, ...] = field(compare=False)
    content: str
    folder: Path
    hydra_words: tuple[str, ...] = field(default=(), compare=False)
    mistake: str = field(default="", compare=False)

    @property
    def state(self) -> State:
        if (self.folder / FAILED).is_file():
            return State.FAILED
        if saved_content(self.folder) != self.content:
            return State.MISSING
        if not ended(self.folder):
            return State.CUT
        return State.PRUNED if (self.folder / PRUNED).is_file() else State.FINISHED


def check_one_can_run(jobs: Sequence[SweepJob]) -> None:
    """Raise a ConfigError with the first job's mistake if all have one: then it is the command's."""
    if jobs and all(job.mistake for job in jobs):
        raise ConfigError(jobs[0].mistake)


def content(settings: Mapping[str, Any]) -> str:
    """Settings as text that is the same wherever the run and its data lie, and in whatever order they are given."""
    place = str(settings.get("run_dir"))
    kept = {name: node for name, node in settings.items() if name not in PLACES}
    if isinstance(kept.get("data"), Mapping):
        kept["data"] = {name: value for name, value in kept["data"].items() if name != "root"}
    if isinstance(kept.get("callbacks"), Mapping):
        kept["callbacks"] = {name: node for name, node in kept["callbacks"].items() if name != "pruning"}
    return json.dumps(_placed(kept, place), sort_keys=True)


def _placed(value: Any, place: str) -> Any:
    """The same with every path in the run's folder relative to it."""
    if isinstance(value, Mapping):
        return {str(name): _placed(part, place) for name, part in value.items()}
    if isinstance(value, list):
        return [_placed(part, place) for part in value]
    if isinstance(value, str) and (value == place or value.startswith(f"{place}/")):
        return "." + value.removeprefix(place)
    return value


def folder_of(sweep: Path, swept: Sequence[str], its_content: str) -> Path:
    """The folder of a job below the sweep's: the one that is there already, or a new name.

    The name is what was swept, for the reader, and a hash of all settings, by which it is found again: the number of a
    job, and the words by which it was asked for, may be others the next time.
    """
    digest = hashlib.sha256(its_content.encode()).hexdigest()[:8]
    there = sorted(sweep.glob(f"*_{digest}"))
    return there[0] if there else sweep / f"{_readable(swept)}_{digest}"


def _readable(swept: Sequence[str]) -> str:
    """Words without what a command line or a file system takes amiss: `optimizer.lr-1e-4_seed-0`."""
    pairs = [word.lstrip("+~").partition("=") for word in swept]
    text = "_".join(f"{name}-{_short(value)}" for name, _, value in pairs)
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text)[:NAME_LENGTH].strip("._+-") or "run"


def _short(value: str) -> str:
    """A number in four digits."""
    try:
        return f"{float(value):.4g}" if len(value) > 8 else value
    except ValueError:
        return value


def saved_content(folder: Path) -> str | None:
    """The content of the settings in a run folder; None if there are none."""
    try:
        return content(read_settings(folder / "config.yaml"))
    except (OSError, RunFileError):
        return None


def reason(folder: Path) -> str:
    """Why a job has failed."""
    try:
        return str(read_json(folder / FAILED)["reason"])
    except (OSError, RunFileError, KeyError):
        return "no reason was recorded"


def run_overrides(words: Sequence[str]) -> list[str]:
    """The words that make one run: a sweep's, less those that only say of what sweep it is part, or how it is begun."""
    return [word for word in words if not word.lstrip("+").startswith(NOT_OF_ONE_RUN)]
