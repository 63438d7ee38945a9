"""Which settings make one run differ from another, and which runs differ in the seed alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan.runs.reading import Run

ABSENT = "–"
PLACES = ("run_dir", "data.root", "dry_run")  # where a run lies is no difference between runs
OF_A_SEARCH = "callbacks.pruning."  # nor is its number in a search


def flat(settings: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Settings by their path, as text that can stand on a command line; a list is one setting."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        path = f"{above}{name}"
        if isinstance(value, dict) and value:
            found |= flat(value, f"{path}.")
        else:
            found[path] = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return found


def settings_of(run: Run) -> dict[str, str]:
    """The flat settings of a run, without those that only say where its files lie."""
    place = str(run.settings.get("run_dir"))
    return {
        path: value
        for path, value in flat(run.settings).items()
        if path not in PLACES and not path.startswith(OF_A_SEARCH) and not value.startswith(place)
    }


@dataclass(frozen=True)
class Differences:
    """The settings of several runs, taken apart.

    Attributes:
        paths: settings that are not the same in all runs, the seed among them.
        values: for each run, the text of each of ``paths``; ``ABSENT`` where the run has no such setting.
        equal: settings that are the same in all runs.
    """

    paths: list[str]
    values: list[dict[str, str]]
    equal: dict[str, str]

    def distinct(self) -> dict[str, list[str]]:
        """One setting for each way of dividing the runs, but the seed: path -> others that change just when it does.

        An option's name stands for the settings that come with it, else the shortest path.
        """
        first: dict[tuple[int, ...], str] = {}
        found: dict[str, list[str]] = {}
        for path in sorted(self.paths, key=lambda path: (not path.endswith((".name", "._target_")), path.count("."))):
            values = [values[path] for values in self.values]
            division = tuple(values.index(value) for value in values)
            if path == "seed":
                continue
            if division in first:
                found[first[division]].append(path)
            else:
                first[division] = path
                found[path] = []
        return found


def differences(all_settings: Sequence[Mapping[str, str]]) -> Differences:
    """What differs between the flat settings of runs, and what does not."""
    paths = list(dict.fromkeys(path for settings in all_settings for path in settings))
    values = {path: [settings.get(path, ABSENT) for settings in all_settings] for path in paths}
    differing = [path for path in paths if len(set(values[path])) > 1]
    return Differences(
        differing,
        [{path: values[path][index] for path in differing} for index in range(len(all_settings))],
        {path: values[path][0] for path in paths if path not in differing},
    )


def by_seed(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that differ in the seed alone, together; in order of the first of each."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        settings = {path: value for path, value in settings_of(run).items() if path != "seed"}
        groups.setdefault(json.dumps([run.data, settings], sort_keys=True), []).append(run)
    return list(groups.values())


def label(differing: Mapping[str, str], distinct: Mapping[str, list[str]]) -> str:
    """A run in few words: the settings that set it apart, such as `penalty=r1 optimizer.lr=0.0002`."""
    return " ".join(f"{short(path)}={differing[path]}" for path in distinct if differing[path] != ABSENT)


def short(path: str) -> str:
    """`penalty` for `penalty.name`, as one types it."""
    return path.removesuffix("._target_").removesuffix(".name")
