"""Comparison of settings: the differences between runs, and groups of runs that differ only in the seed."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan.config.free_settings import changed_when_resumed
from gan.config.moved import NAMED, updated, updated_words
from gan.config.option_names import option_name
from gan.runs.reading import Run

ABSENT = "–"
PLACES = ("run_dir", "data.root", "dry_run")  # not differences between runs
OF_A_SEARCH = "callbacks.pruning."  # the trial number in a search is no difference either


def flat(settings: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Settings by their path, as text for a command line; a list is one setting."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        path = f"{above}{name}"
        if isinstance(value, dict) and value:
            found |= flat(value, f"{path}.")
        else:
            found[path] = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return found


def settings_of(run: Run) -> dict[str, str]:
    """The flat settings of a run, without folders and trial number; a class of this program has its option's name."""
    place = str(run.settings.get("run_dir"))
    settings = updated(run.settings)
    options = {
        f"{group}._target_": option_name(group, settings[group])
        for group in NAMED
        if isinstance(settings.get(group), dict)
    }
    return {
        path: value
        for path, value in {**flat(settings), **options}.items()
        if path not in PLACES and not path.startswith(OF_A_SEARCH) and not f"{value}/".startswith(f"{place}/")
    }


@dataclass(frozen=True)
class Differences:
    """The different and the equal settings of several runs.

    Attributes:
        paths: settings that differ between the runs, including the seed.
        values: for each run, the text of each of ``paths``; ``ABSENT`` if the run does not have this setting.
        equal: settings that are the same in all runs.
    """

    paths: list[str]
    values: list[dict[str, str]]
    equal: dict[str, str]

    def distinct(self, chosen: Collection[str] = ()) -> dict[str, list[str]]:
        """One setting, except the seed, for each partition of the runs: path -> settings with the same partition.

        The name of an option represents the settings that change with it; otherwise the shortest path does. Settings
        that were ``chosen`` for each run, as in a search, are always kept: by chance they can have the same partition.
        """
        first: dict[tuple[int, ...], str] = {}
        found: dict[str, list[str]] = {}
        for path in sorted(self.paths, key=lambda path: (not path.endswith((".name", "._target_")), path.count("."))):
            values = [values[path] for values in self.values]
            division = tuple(values.index(value) for value in values)
            if path == "seed":
                continue
            if division in first and short(path) not in chosen:
                found[first[division]].append(path)
            else:
                first[division] = path
                found[path] = []
        return found


def differences(all_settings: Sequence[Mapping[str, str]]) -> Differences:
    """The different and the equal settings among the flat settings of several runs."""
    paths = list(dict.fromkeys(path for settings in all_settings for path in settings))
    values = {path: [settings.get(path, ABSENT) for settings in all_settings] for path in paths}
    differing = [path for path in paths if len(set(values[path])) > 1]
    return Differences(
        differing,
        [{path: values[path][index] for path in differing} for index in range(len(all_settings))],
        {path: values[path][0] for path in paths if path not in differing},
    )


def chosen_settings(runs: Sequence[Run]) -> set[str]:
    """The settings of the commands that differ between these runs: those of a sweep or a search."""
    words: dict[str, set[str]] = {}
    for run in runs:
        overrides = run.facts.get("overrides")
        for word in updated_words(list(map(str, overrides)))[0] if isinstance(overrides, list) else ():
            name, _, value = word.lstrip("+").partition("=")
            words.setdefault(name.replace("/", "."), set()).add(value)
    return {name for name, values in words.items() if len(values) > 1}


def changes_of(run: Run) -> list[str]:
    """Settings that changed while a run trained, by `gan play` or when it was resumed, one line each.

    Settings that do not change the training are left out.
    """
    resumed = changed_when_resumed(run.facts, updated(run.settings))
    return [*(f"at generator update {update}: {what}" for update, what in resumed), *run.changes]


def by_seed(runs: Sequence[Run]) -> list[list[Run]]:
    """Groups of runs that differ only in the seed, in the order of their first run. A changed run is another one."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        settings = {path: value for path, value in settings_of(run).items() if path != "seed"}
        groups.setdefault(json.dumps([run.data, settings, changes_of(run)], sort_keys=True), []).append(run)
    return list(groups.values())


def label(differing: Mapping[str, str], distinct: Mapping[str, list[str]]) -> str:
    """A short label of a run: the settings that differ, for example `penalty=r1 optimizer.lr=0.0002`."""
    return " ".join(f"{short(path)}={differing[path]}" for path in distinct if differing[path] != ABSENT)


def short(path: str) -> str:
    """The path as typed on the command line: `penalty` for `penalty._target_`."""
    return path.removesuffix("._target_").removesuffix(".name")
