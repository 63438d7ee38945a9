"""Experiments beside other words of the command line: settings to drop, and what to know before the run.

Settings are dropped that belong to an option, or a class, that the command line has replaced.
"""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan.config.kinds import HYDRA_KEYS, locate
from gan.config.options.conf_files import CONF, Keys, read_conf_file
from gan.config.target_validation import NETWORKS, RULE_SETTINGS
from gan.data.registry import SHARED
from gan.system.value_types import parameters_of

# Paragraphs in the header of conf/experiment/NAME.yaml that are printed before a run.
NOTE, MADE_FOR = "Note: ", "Made for data="
LONGER = "Longer: experiment="  # printed after a run

# Without this line Hydra puts the settings of a recipe below "experiment".
NO_PACKAGE = "experiment: the first line of the recipe's file must be: # @package _global_"

# Keys of a node that are not arguments of its class.
BESIDE = ("_target_", *HYDRA_KEYS, *NETWORKS, *RULE_SETTINGS)


def without_leftovers(settings: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """The settings without those for an option or a class that the command line has replaced.

    In `experiment=r1 penalty=none` the experiment's penalty.gamma belongs to r1; "none" does not have it. In
    `penalty=r1 penalty._target_=mypkg.Mine` gamma belongs to r1 too. A setting that both have keeps its value, such as
    data.batch_size in `experiment=slides_mnist data=fashion`. What the command line itself sets stays.

    Args:
        settings: the whole configuration in plain containers, as composed by Hydra.
        overrides: overrides of the command line, such as "penalty=none".
    """
    chosen = _chosen(overrides)
    given = {tuple(path.split(".")) for path in chosen}
    found: dict[str, Any] = dict(settings)
    for group in chosen if "experiment" in chosen else ():
        if isinstance(found.get(group), Mapping):
            found[group] = _of_option(found[group], group, chosen[group], given)
    for path in given:
        if path[-1] == "_target_" and len(path) > 1:
            found = _changed(found, path[:-1], functools.partial(_of_class, above=path[:-1], given=given))
    return found


def notes(overrides: Sequence[str]) -> list[str]:
    """What to know before a run of an experiment, one line each: from the header of its file.

    A paragraph "Note: …" is about the experiment with its own dataset and seed. A paragraph "Made for data=A, B: …"
    says why the experiment loses its sense with other datasets.

    Args:
        overrides: overrides of the command line, such as "experiment=few_images" and "data=mnist".
    """
    chosen = _chosen(overrides)
    experiment, data = chosen.get("experiment", ""), chosen.get("data")
    found = []
    for paragraph in _header(experiment):
        if paragraph.startswith(NOTE) and not {"data", "seed"} & set(chosen):
            found.append(f"Note on experiment={experiment}: {paragraph.removeprefix(NOTE)}")
        elif paragraph.startswith(MADE_FOR):
            datasets, _, why = paragraph.removeprefix(MADE_FOR).partition(": ")
            if data is not None and data not in datasets.split(", "):
                found.append(
                    f"WARNING: experiment={experiment} is not made for data={data}: {why} Use data={datasets}."
                )
    return found


def longer_experiment(overrides: Sequence[str]) -> tuple[str, str] | None:
    """The experiment to try after this one, and why: the paragraph "Longer: experiment=NAME: …" of its header.

    None if the user chose another dataset, for which the paragraph was not written.
    """
    chosen = _chosen(overrides)
    if "data" in chosen:
        return None
    for paragraph in _header(chosen.get("experiment", "")):
        if paragraph.startswith(LONGER):
            name, _, why = paragraph.removeprefix(LONGER).partition(": ")
            return name, why.removesuffix(".")
    return None


def _chosen(overrides: Sequence[str]) -> dict[str, str]:
    """The overrides by their paths, without Hydra's plus signs."""
    return dict(override.lstrip("+").split("=", 1) for override in overrides if "=" in override)


def _header(experiment: str) -> Sequence[str]:
    """The paragraphs at the beginning of an experiment's file; () for one that is not ours."""
    file = CONF / "experiment" / f"{experiment}.yaml"
    return read_conf_file(file).header if experiment.isidentifier() and file.is_file() else ()


def _of_option(node: Mapping[str, Any], group: str, option: str, given: Collection[Keys]) -> dict[str, Any]:
    """The settings of a node that an option has; for an option of the user's own, those that its class has."""
    file = CONF / group / f"{option}.yaml"
    return _kept(node, (group,), _known(file), given) if file.is_file() else _of_class(node, (group,), given)


def _of_class(node: Mapping[str, Any], above: Keys, given: Collection[Keys]) -> dict[str, Any]:
    """The settings of a node that its class has, or that are on the command line."""
    called = locate(str(node.get("_target_")))
    if called is None:
        return dict(node)
    shared = SHARED if above == ("data",) else ()
    has = {*parameters_of(called), *shared, *BESIDE}
    return {name: value for name, value in node.items() if name in has or _is_given((*above, name), given)}


def _changed(node: Any, path: Keys, change: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A copy of nested nodes in which the node at a path is changed."""
    if not isinstance(node, Mapping):
        return node
    if not path:
        return change(node)
    return {name: _changed(value, path[1:], change) if name == path[0] else value for name, value in node.items()}


def _kept(node: Mapping[str, Any], above: Keys, known: Collection[Keys], given: Collection[Keys]) -> dict[str, Any]:
    """The settings of a node that are in the option's file or on the command line."""
    kept = {}
    for name, value in node.items():
        keys = (*above, name)
        if _is_given(keys, given):
            kept[name] = value
        elif keys[1:] in known:
            kept[name] = _kept(value, keys, known, given) if isinstance(value, Mapping) else value
    return kept


def _is_given(keys: Keys, given: Collection[Keys]) -> bool:
    return any(path[: len(keys)] == keys or keys[: len(path)] == path for path in given if len(path) > 1)


def _known(file: Path) -> set[Keys]:
    """Every key of an option's file and of the files it inherits from, of nodes and of settings."""
    return {keys[:depth] for keys in read_conf_file(file).values for depth in range(1, len(keys) + 1)}
