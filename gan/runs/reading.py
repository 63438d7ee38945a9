"""Run folders: which there are below a folder, and what the files of one say."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

from gan.runs.curves import FILE_NAME, Curve, read_curves
from gan.runs.run_files import RunFileError, read_bytes, read_json, read_settings
from gan.runs.run_folder import is_locked
from gan.runs.series import IMAGES
from gan.runs.sweep_jobs import FAILED, PRUNED, reason
from gan.system.errors import GanError

SETTINGS, FACTS, QUALITY = "config.yaml", "run.json", "quality.json"
STILL = 600  # seconds without a new row after which a run that has not ended counts as cut, where locks are unknown


@dataclass(frozen=True)
class Run:
    """What stands in one run folder.

    Attributes:
        folder: where. name: the end of that path, long enough to tell the runs of a report apart.
        settings: config.yaml. facts: run.json. quality: the measures of quality.json; {} if not measured.
        alarms: alarms.json, one line each.
        failure: of a job of a sweep that failed, failed.json's reason; else "".
        pruned: of one that its search ended early, pruned.json; {} of any other.
        changed: when a file of the run last changed, in seconds since 1970.
    """

    folder: Path
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    quality: Mapping[str, Any] = field(default_factory=dict)
    alarms: Sequence[str] = ()
    failure: str = ""
    pruned: Mapping[str, Any] = field(default_factory=dict)
    changed: float = 0.0
    name: str = ""

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """metrics.csv, read when it is asked for."""
        return read_curves(self.folder / FILE_NAME)

    @property
    def data(self) -> str:
        """The name of the set that it was trained on, which may stand in for the one that was asked for."""
        return str(_node(self.facts, "data").get("used") or _node(self.settings, "data").get("name") or "unknown data")

    @property
    def extractors(self) -> Mapping[str, Any]:
        """What it was measured with: name -> sha256."""
        return _node(self.quality, "extractors")

    @property
    def seed(self) -> Any:
        return self.settings.get("seed")

    @property
    def ended(self) -> Mapping[str, Any]:
        """How far it came and in what time; {} of a run that has not ended by itself."""
        return _node(self.facts, "ended")

    def state(self, now: float) -> str:
        """finished; pruned: ended early by its search; running; failed: by an error; or cut: by a signal, or with the
        machine.

        A run holds its folder as long as it lives. Where that cannot be seen it counts as running until for ten minutes
        none of its files has changed.
        """
        if self.ended and not self.failure:
            return "pruned" if self.pruned else "finished"
        held = is_locked(self.folder)
        if held or (held is None and now - self.changed < STILL):
            return "running"
        return "failed" if self.failure or _node(self.facts, "failed") else "cut"

    @property
    def is_ranked(self) -> bool:
        """False of one that failed, or that its search ended early: its measures are of another length."""
        return not (self.failure or _node(self.facts, "failed") or self.pruned)

    @property
    def why(self) -> str:
        """Of a run that failed, was cut or was pruned: by what, where its folder says so."""
        if self.failure:
            return " ".join(self.failure.split())
        if self.ended:
            return _why_pruned(self.pruned)
        told = _node(self.facts, "failed").get("error") or _node(self.facts, "cut").get("by") or ""
        return " ".join(str(told).split())

    def count(self, counter: str) -> float | None:
        """``images_seen`` or ``g_updates``, up to now."""
        if _is_number(ended := self.ended.get(counter)):
            return float(ended)
        values = self.curves.get(counter, Curve()).finite()
        return values[-1] if values else None

    @property
    def seconds(self) -> float | None:
        """Of training; of a run that has not ended, from its start to its last row, if run.json has the start."""
        if _is_number(seconds := self.ended.get("seconds")):
            return float(seconds)
        try:
            began = datetime.strptime(str(self.facts.get("started")), "%Y-%m-%dT%H:%M:%S%z").timestamp()
        except ValueError:
            return None
        return self.changed - began if self.count(IMAGES) and self.changed > began else None

    def last(self, column: str) -> float | None:
        """The last value of a column of metrics.csv, NaN or not."""
        values = self.curves.get(column, Curve()).values
        return values[-1] if values else None

    @property
    def newest_grid(self) -> Path | None:
        grids = sorted((self.folder / "samples").glob("epoch_*.png"))
        return grids[-1] if grids else None

    def picture(self, path: Path) -> bytes | None:
        """A PNG of this folder; None where the path is none, or leads out of the folder."""
        try:
            is_own = path.resolve().is_relative_to(self.folder.resolve())
            content = read_bytes(path) if is_own else b""
        except (OSError, RuntimeError, RunFileError):  # RuntimeError: symbolic links in a circle
            return None
        return content if content.startswith(b"\x89PNG") else None

    @property
    def command(self) -> list[str]:
        """The command line that began it; of a run of a sweep that of the whole sweep."""
        words = self.facts.get("command")
        return [str(word) for word in words] if isinstance(words, list) else []


def _why_pruned(facts: Mapping[str, Any]) -> str:
    """Such as "quality/fcd 120 at its measurement 2, worse than the median of 5 finished runs, 90.1"."""
    own = next((f"{name} {value:.4g}" for name, value in facts.items() if "/" in name and _is_number(value)), "")
    if not own:
        return "by its search" if facts else ""
    told = f"{own} at its measurement {facts.get('measurement', '?')}, worse than the median"
    if _is_number(facts.get("median")) and facts.get("finished_runs"):
        told += f" of {facts['finished_runs']} finished runs, {facts['median']:.4g}"
    return told


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def find_runs(sources: Iterable[Path]) -> list[Run]:
    """The runs in these folders: each is a run folder, or has run folders below it.

    Raises:
        GanError: one of them does not exist, has no run in it, or a file of a run cannot be read.
    """
    return [read_run(folder, name) for folder, name in named_folders(sources).items()]


def readable_runs(sources: Iterable[Path]) -> tuple[list[Run], dict[str, str]]:
    """The runs in these folders that can be read; and of the others, by name, why they cannot.

    Raises:
        GanError: a folder does not exist, or has no run in it.
    """
    runs, unreadable = [], {}
    for folder, name in named_folders(sources).items():
        try:
            run = read_run(folder, name)
            if not run.ended:
                run.curves  # noqa: B018 (read now: it says how far the run came)
            runs.append(run)
        except RunFileError as error:
            unreadable[name] = str(error)
    return runs, unreadable


def named_folders(sources: Iterable[Path]) -> dict[Path, str]:
    """The same folders, not yet read, each with a name that tells it apart from the others.

    Raises:
        GanError: one of the sources does not exist, or has no run in it.
    """
    folders: dict[Path, Path] = {}
    for source in sources:
        for folder in _folders(source):
            folders.setdefault(folder.resolve(), folder)
    return dict(zip(folders.values(), _names(list(folders)), strict=True))


def _folders(source: Path) -> list[Path]:
    if not source.exists():
        raise GanError(f"{source}: there is no such folder; give run folders, or a folder that has some below it")
    if not source.is_dir():
        raise GanError(f"{source}: this is a file; give run folders, or a folder that has some below it")
    if is_run(source):
        return [source]
    below = sorted((Path(folder) for folder, _, _ in os.walk(source) if is_run(Path(folder))), key=_in_order)
    if not below and (failed := sorted(source.rglob(FAILED))):
        first = reason(failed[0].parent).partition("\n")[0]
        raise GanError(f"{source}: none of the sweep's jobs has begun; {failed[0].parent.name} failed: {first}")
    if not below:
        raise GanError(f"{source}: no run here or below: no folder with {SETTINGS} and {FACTS}, which a run leaves")
    return below


def is_run(folder: Path) -> bool:
    """Whether a run has left its two files here, be they readable or not."""
    return os.path.lexists(folder / SETTINGS) and os.path.lexists(folder / FACTS)


def _in_order(folder: Path) -> list[tuple[int, str]]:
    """2 before 10."""
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in folder.parts]


def _names(folders: Sequence[Path]) -> list[str]:
    """The ends of these paths, just so long that no two are the same."""
    for length in range(1, max(len(folder.parts) for folder in folders)):
        ends = ["/".join(folder.parts[-length:]) for folder in folders]
        if len(set(ends)) == len(ends):
            return ends
    return [str(folder) for folder in folders]


def read_run(folder: Path, name: str = "") -> Run:
    """A run by its folder.

    Raises:
        GanError: config.yaml, run.json, quality.json or alarms.json is there and cannot be read.
    """
    if not is_run(folder):
        raise GanError(f"{folder}: no run: {SETTINGS} and {FACTS} expected, which a run leaves")
    try:
        settings, facts = read_settings(folder / SETTINGS), read_json(folder / FACTS)
    except FileNotFoundError as error:  # a symbolic link to nowhere
        raise RunFileError(f"{error.filename}: cannot be read: {error.strerror}") from error
    failed = _json_if_there(folder / FAILED, dict)
    times = [path.stat().st_mtime for path in (folder / SETTINGS, folder / FACTS, folder / FILE_NAME) if path.exists()]
    return Run(
        folder,
        settings=settings,
        facts=facts,
        quality=_node(_json_if_there(folder / QUALITY, dict) or {}, "quality"),
        alarms=[_alarm(alarm) for alarm in _json_if_there(folder / "alarms.json", list) or []],
        failure="" if failed is None else str(failed.get("reason") or "no reason was recorded"),
        pruned=_json_if_there(folder / PRUNED, dict) or {},
        changed=max(times),
        name=name or folder.name,
    )


def _alarm(alarm: Any) -> str:
    return str(alarm.get("message") or alarm) if isinstance(alarm, dict) else str(alarm)


def _json_if_there(path: Path, kind: type) -> Any:
    try:
        return read_json(path, kind)
    except FileNotFoundError:
        return None


def _node(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    node = settings.get(name)
    return node if isinstance(node, dict) else {}
