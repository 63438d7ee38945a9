"""Reader of run folders: find the runs below a folder, and read the files of each."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from gan.runs.changes import read_changes
from gan.runs.curves import Curve, read_curves
from gan.runs.evaluation import Evaluation
from gan.runs.file_names import ALARMS, FACTS, FAILED, METRICS, PRUNED, QUALITY, QUALITY_WITH_REJECTION, SETTINGS
from gan.runs.run_files import (
    TIME,
    RunFileError,
    is_number,
    node,
    read_bytes,
    read_json,
    read_settings,
    sample_grids,
)
from gan.runs.run_folder import is_locked
from gan.runs.series import IMAGES
from gan.runs.sweep_jobs import reason
from gan.system.errors import GanError

STILL = 600  # seconds: without locks, an unended run with no file change for this long counts as interrupted


@dataclass(frozen=True)
class Run:
    """Contents of one run folder.

    Attributes:
        folder: path of the run folder. name: the end of that path, long enough to be unique in a report.
        settings: config.yaml. facts: run.json. quality: the metrics of quality.json; {} if not measured.
        with_rejection: quality_rejection.json; {} if not measured.
        alarms: alarms.json, one line each.
        changes: settings that were changed while the run trained (`gan play`), one line each.
        failure: reason from failed.json if this is a failed job of a sweep; else "".
        pruned: pruned.json if the search pruned this job; else {}.
        changed: time of the last change of a file of the run, in seconds since 1970.
    """

    folder: Path
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    quality: Mapping[str, Any] = field(default_factory=dict)
    with_rejection: Mapping[str, Any] = field(default_factory=dict)
    alarms: Sequence[str] = ()
    changes: Sequence[str] = ()
    failure: str = ""
    pruned: Mapping[str, Any] = field(default_factory=dict)
    changed: float = 0.0
    name: str = ""

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """Return the curves of metrics.csv; reads the file at the first access."""
        return read_curves(self.folder / METRICS)

    @property
    def data(self) -> str:
        """Return the name of the dataset the run was trained on, which may replace the requested one."""
        return str(node(self.facts, "data").get("used") or node(self.settings, "data").get("name") or "unknown data")

    @property
    def extractors(self) -> Mapping[str, Any]:
        """Return the feature extractors used for the quality metrics: name -> sha256."""
        return node(self.quality, "extractors")

    @property
    def evaluation(self) -> Evaluation:
        """Return what the metrics of ``quality`` were measured against."""
        return Evaluation.of(self.quality)

    @property
    def seed(self) -> Any:
        return self.settings.get("seed")

    @property
    def ended(self) -> Mapping[str, Any]:
        """Return the final progress and time; {} if the run has not ended by itself."""
        return node(self.facts, "ended")

    def state(self, now: float) -> str:
        """Return finished; pruned, by its search; running; failed, by an error; interrupted, by a signal or a crash.

        A run locks its folder while it runs. If locks are not available, it counts as running until none of its files
        has changed for ten minutes.
        """
        if self.ended and not self.failure:
            return "pruned" if self.pruned else "finished"
        held = is_locked(self.folder)
        if held or (held is None and now - self.changed < STILL):
            return "running"
        return "failed" if self.failure or node(self.facts, "failed") else "interrupted"

    @property
    def is_ranked(self) -> bool:
        """False for a failed or pruned run: its metrics come from a shorter training."""
        return not (self.failure or node(self.facts, "failed") or self.pruned)

    @property
    def why(self) -> str:
        """Return why a run failed, was interrupted or was pruned; "" if its folder has no reason."""
        if self.failure:
            return " ".join(self.failure.split())
        if self.ended:
            return _why_pruned(self.pruned)
        text = node(self.facts, "failed").get("error") or node(self.facts, "cut").get("by") or ""
        return " ".join(str(text).split())

    def count(self, counter: str) -> float | None:
        """Return ``images_seen`` or ``g_updates`` so far."""
        if is_number(ended := self.ended.get(counter)):
            return float(ended)
        values = self.curves.get(counter, Curve()).finite()
        return values[-1] if values else None

    @property
    def seconds(self) -> float | None:
        """Return the training time; before the end, from the start in run.json, if it has one, to the last row."""
        if is_number(seconds := self.ended.get("seconds")):
            return float(seconds)
        try:
            began = datetime.strptime(str(self.facts.get("started")), TIME).timestamp()
        except ValueError:
            return None
        return self.changed - began if self.count(IMAGES) and self.changed > began else None

    def last(self, column: str) -> float | None:
        """Return the last value of a column of metrics.csv; may be NaN."""
        values = self.curves.get(column, Curve()).values
        return values[-1] if values else None

    @property
    def newest_grid(self) -> Path | None:
        grids = sample_grids(self.folder)
        return grids[-1] if grids else None

    def picture(self, path: Path) -> bytes | None:
        """Return the bytes of a PNG in this folder; None if the path is not a PNG or leaves the folder."""
        try:
            is_own = path.resolve().is_relative_to(self.folder.resolve())
            content = read_bytes(path) if is_own else b""
        except (OSError, RuntimeError, RunFileError):  # RuntimeError: symbolic links in a circle
            return None
        return content if content.startswith(b"\x89PNG") else None

    @property
    def command(self) -> list[str]:
        """Return the command line that started the run; for a job of a sweep, the command of the sweep."""
        words = self.facts.get("command")
        return [str(word) for word in words] if isinstance(words, list) else []


def _why_pruned(facts: Mapping[str, Any]) -> str:
    """Describe why, e.g. "quality/fcd 120 at measurement 2, worse than the median of 5 finished runs, 90.1"."""
    own = next((f"{name} {value:.4g}" for name, value in facts.items() if "/" in name and is_number(value)), "")
    if not own:
        return "by its search" if facts else ""
    text = f"{own} at measurement {facts.get('measurement', '?')}, worse than the median"
    if is_number(facts.get("median")) and facts.get("finished_runs"):
        text += f" of {facts['finished_runs']} finished runs, {facts['median']:.4g}"
    return text


def find_runs(sources: Iterable[Path]) -> list[Run]:
    """Return the runs in these folders: each is a run folder, or has run folders below it.

    Raises:
        GanError: a folder does not exist or contains no run, or a file of a run cannot be read.
    """
    return [read_run(folder, name) for folder, name in named_folders(sources).items()]


def readable_runs(sources: Iterable[Path]) -> tuple[list[Run], dict[str, str]]:
    """Return the readable runs in these folders, and for each unreadable one its name and the error.

    Raises:
        GanError: a folder does not exist or contains no run.
    """
    runs, unreadable = [], {}
    for folder, name in named_folders(sources).items():
        try:
            run = read_run(folder, name)
            if not run.ended:
                run.curves  # noqa: B018 (read it now: it has the progress of the run)
            runs.append(run)
        except RunFileError as error:
            unreadable[name] = str(error)
    return runs, unreadable


def named_folders(sources: Iterable[Path]) -> dict[Path, str]:
    """Return the run folders in these sources, unread, each with a unique name.

    Raises:
        GanError: a source does not exist or contains no run.
    """
    folders: dict[Path, Path] = {}
    for source in sources:
        for folder in _folders(source):
            folders.setdefault(folder.resolve(), folder)
    return dict(zip(folders.values(), short_names(list(folders)), strict=True))


def _folders(source: Path) -> list[Path]:
    if not source.exists():
        raise GanError(f"{source}: there is no such folder; give run folders, or a folder that contains some")
    if not source.is_dir():
        raise GanError(f"{source}: this is a file; give run folders, or a folder that contains some")
    if is_run(source):
        return [source]
    below = sorted(runs_below(source), key=_in_order)
    if not below and (failed := sorted(source.rglob(FAILED))):
        first = reason(failed[0].parent).partition("\n")[0]
        raise GanError(f"{source}: none of the sweep's jobs has started; {failed[0].parent.name} failed: {first}")
    if not below:
        raise GanError(f"{source}: no run in this folder or its sub-folders; a run has {SETTINGS} and {FACTS}")
    return below


def runs_below(folder: Path) -> list[Path]:
    """The run folders in this folder, at any depth, itself included; in no order."""
    return [Path(each) for each, _, _ in os.walk(folder) if is_run(Path(each))]


def is_run(folder: Path) -> bool:
    """True if the folder contains the two files of a run, readable or not."""
    return os.path.lexists(folder / SETTINGS) and os.path.lexists(folder / FACTS)


def _in_order(folder: Path) -> list[tuple[int, str]]:
    """Return a sort key that puts 2 before 10."""
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in folder.parts]


def short_names(folders: Sequence[Path]) -> list[str]:
    """Return the shortest ends of these paths that are all different."""
    for length in range(1, max((len(folder.parts) for folder in folders), default=0)):
        ends = ["/".join(folder.parts[-length:]) for folder in folders]
        if len(set(ends)) == len(ends):
            return ends
    return [str(folder) for folder in folders]


def read_run(folder: Path, name: str = "") -> Run:
    """Read the run in a folder.

    Raises:
        GanError: the folder contains no run, or one of its files cannot be read; alarms.json may be damaged.
    """
    if not is_run(folder):
        raise GanError(f"{folder}: not a run folder; {SETTINGS} and {FACTS} expected")
    try:
        settings, facts = read_settings(folder / SETTINGS), read_json(folder / FACTS)
    except FileNotFoundError as error:  # a broken symbolic link
        raise RunFileError(f"{error.filename}: cannot be read: {error.strerror}") from error
    failed = _json_if_there(folder / FAILED, dict)
    times = [path.stat().st_mtime for path in (folder / SETTINGS, folder / FACTS, folder / METRICS) if path.exists()]
    return Run(
        folder,
        settings=settings,
        facts=facts,
        quality=node(_json_if_there(folder / QUALITY, dict) or {}, "quality"),
        with_rejection=_json_if_there(folder / QUALITY_WITH_REJECTION, dict) or {},
        alarms=_alarms(folder / ALARMS),
        changes=[str(change) for change in read_changes(folder) if change.settings],
        failure="" if failed is None else str(failed.get("reason") or "no reason was recorded"),
        pruned=_json_if_there(folder / PRUNED, dict) or {},
        changed=max(times),
        name=name or folder.name,
    )


def _alarms(path: Path) -> list[str]:
    """One line for each alarm; if the file cannot be read, as after a full disk, a line that says so."""
    try:
        return [_alarm(alarm) for alarm in _json_if_there(path, list) or []]
    except RunFileError as error:
        return [str(error)]


def _alarm(alarm: Any) -> str:
    return str(alarm.get("message") or alarm) if isinstance(alarm, dict) else str(alarm)


def _json_if_there(path: Path, kind: type) -> Any:
    try:
        return read_json(path, kind)
    except FileNotFoundError:
        return None
