"""The changes of a run: settings that were changed while it trained, in changes.json of the run folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gan.runs import file_names
from gan.runs.run_files import RunFileError, read_json
from gan.system.files import write_bytes
from gan.system.value_types import is_int

POINTS = "points.npy"  # the points drawn by hand that a run of `gan play` trains on
REPEATED = (file_names.CHANGES, POINTS)  # files of a run that a repetition needs beside config.yaml


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        minibatches: minibatches of the run before the change.
        settings: new values by path, as on the command line: ``{"objective": "hinge", "penalty.gamma": 0.1}``.
        end: the run was ended here.
    """

    minibatches: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    end: bool = False

    def __str__(self) -> str:
        words = [f"{path}={value}" for path, value in self.settings.items()]
        return f"after minibatch {self.minibatches:,}: {' '.join(words) or 'ended'}"


def read_changes(folder: Path) -> list[Change]:
    """The changes of a run, the first one first; [] if it has none.

    Raises:
        RunFileError: changes.json cannot be read, or is no list of changes.
    """
    path = folder / file_names.CHANGES
    try:
        found = read_json(path, list)
    except FileNotFoundError:
        return []
    try:
        changes = [Change(**one) for one in found]
    except TypeError as error:
        raise RunFileError(f"{path}: cannot be read: {error}") from error
    places = [change.minibatches for change in changes]
    if not all(is_int(place) and isinstance(each.settings, dict) for place, each in zip(places, changes, strict=True)):
        raise RunFileError(f"{path}: cannot be read: an integer of minibatches and settings by path expected")
    return sorted(changes, key=lambda change: change.minibatches)


def write_changes(folder: Path, changes: Sequence[Change]) -> None:
    """Write changes.json."""
    plain = [
        {name: value for name, value in asdict(change).items() if name == "minibatches" or value} for change in changes
    ]
    lines = ",\n  ".join(map(json.dumps, plain))
    write_bytes(folder / file_names.CHANGES, f"[\n  {lines}\n]\n".encode())
