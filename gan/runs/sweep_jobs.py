"""Job of a sweep: the settings of one run, which identify the job, and the folder of that run."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from gan.runs import file_names
from gan.runs.moved_settings import with_folder
from gan.runs.run_end import ended
from gan.runs.run_files import RunFileError, read_json, read_settings
from gan.system.errors import ConfigError

STUDY = "study.db"  # in a search's folder: the Optuna database (gan.launch.sweeps.study)
PLACES = ("run_dir", "dry_run", "resume", "trust")  # where and how a run is started does not identify it
NOT_OF_ONE_RUN = ("sweep=", "resume.", "callbacks.pruning.")
NAME_LENGTH = 80


class State(StrEnum):
    """State of a job, from the files in its folder."""

    MISSING = "missing"  # not started
    INTERRUPTED = "interrupted"  # or still running: started, and neither finished nor failed
    FAILED = "failed"
    PRUNED = "pruned"
    FINISHED = "finished"


@dataclass(frozen=True)
class SweepJob:
    """One job of a sweep, that is, one run.

    Attributes:
        words: its overrides as typed, e.g. "optimizer.lr=1e-4".
        content: its settings as text, without ``PLACES``; jobs with the same content are equal.
        folder: its run folder, which may not exist yet.
        hydra_words: overrides for its process only, which are not settings of the run.
        mistake: why its overrides are invalid, so that it cannot run (content is then the overrides); "" if valid.
    """

    words: tuple[str, ...] = field(compare=False)
    content: str
    folder: Path
    hydra_words: tuple[str, ...] = field(default=(), compare=False)
    mistake: str = field(default="", compare=False)

    @property
    def state(self) -> State:
        if (self.folder / file_names.FAILED).is_file():
            return State.FAILED
        if saved_content(self.folder) != self.content:
            return State.MISSING
        if not ended(self.folder):
            return State.INTERRUPTED
        return State.PRUNED if (self.folder / file_names.PRUNED).is_file() else State.FINISHED


def check_one_can_run(jobs: Sequence[SweepJob]) -> None:
    """Raise a ConfigError with the first job's error if all jobs are invalid: then the command is wrong."""
    if jobs and all(job.mistake for job in jobs):
        raise ConfigError(jobs[0].mistake)


def content(settings: Mapping[str, Any]) -> str:
    """Return settings as text that does not depend on the folders of run and data, or on the order of settings."""
    place = str(settings.get("run_dir"))
    kept = {name: node for name, node in settings.items() if name not in PLACES}
    if isinstance(kept.get("data"), Mapping):
        kept["data"] = {name: value for name, value in kept["data"].items() if name != "root"}
    if isinstance(kept.get("callbacks"), Mapping):
        kept["callbacks"] = {name: node for name, node in kept["callbacks"].items() if name != "pruning"}
    return json.dumps(with_folder(kept, place, "."), sort_keys=True)


def folder_of(sweep: Path, swept: Sequence[str], its_content: str) -> Path:
    """Return the folder of a job in the sweep folder: the existing one, or a new name.

    The name is the swept settings, for the reader, and a hash of all settings, which identifies the job: its number and
    its overrides may differ the next time.
    """
    digest = hashlib.sha256(its_content.encode()).hexdigest()[:8]
    there = sorted(sweep.glob(f"*_{digest}"))
    return there[0] if there else sweep / f"{_readable(swept)}_{digest}"


def _readable(swept: Sequence[str]) -> str:
    """Return overrides as text that is safe in a shell and a file name: `optimizer.lr-1e-4_seed-0`."""
    pairs = [word.lstrip("+~").partition("=") for word in swept]
    text = "_".join(f"{name}-{_short(value)}" for name, _, value in pairs)
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text)[:NAME_LENGTH].strip("._+-") or "run"


def _short(value: str) -> str:
    """Shorten a long number to four digits."""
    try:
        return f"{float(value):.4g}" if len(value) > 8 else value
    except ValueError:
        return value


def saved_content(folder: Path) -> str | None:
    """Return the `content` of the settings in a run folder; None if there are none."""
    try:
        return content(read_settings(folder / file_names.SETTINGS))
    except (OSError, RunFileError):
        return None


def reason(folder: Path) -> str:
    """Return why a job has failed."""
    try:
        return str(read_json(folder / file_names.FAILED)["reason"])
    except (OSError, RunFileError, KeyError):
        return "no reason was recorded"


def run_overrides(words: Sequence[str]) -> list[str]:
    """Return the overrides of one run: a job's overrides without the ones about the sweep or resuming."""
    return [word for word in words if not word.lstrip("+").startswith(NOT_OF_ONE_RUN)]
