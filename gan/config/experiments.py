"""Experiments (`experiment=NAME`): removal of settings for options that the command line has replaced."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan.config.options.conf_files import CONF, Keys, read_conf_file


def without_leftovers(settings: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """The settings without those of an experiment for an option that the command line has replaced.

    In `experiment=r1 penalty=none` the experiment's penalty.gamma belongs to r1; "none" does not have it. A setting of
    both options keeps the experiment's value, such as data.batch_size in `experiment=slides_mnist data=fashion`.

    Args:
        settings: the whole configuration in plain containers, as composed by Hydra.
        overrides: overrides of the command line, such as "penalty=none".
    """
    chosen = dict(override.split("=", 1) for override in overrides if "=" in override)
    if "experiment" not in chosen:
        return dict(settings)
    given = {tuple(path.lstrip("+").split(".")) for path in chosen}
    return {
        group: _kept(node, (group,), _known(CONF / group / f"{chosen[group]}.yaml"), given)
        if group in chosen and isinstance(node, Mapping) and (CONF / group / f"{chosen[group]}.yaml").is_file()
        else node
        for group, node in settings.items()
    }


def _kept(node: Mapping[str, Any], above: Keys, known: Collection[Keys], given: Collection[Keys]) -> dict[str, Any]:
    """The settings of a node that are in the option's file or on the command line."""
    kept = {}
    for name, value in node.items():
        keys = (*above, name)
        if any(path[: len(keys)] == keys or keys[: len(path)] == path for path in given if len(path) > 1):
            kept[name] = value
        elif keys[1:] in known:
            kept[name] = _kept(value, keys, known, given) if isinstance(value, Mapping) else value
    return kept


def _known(file: Path) -> set[Keys]:
    """Every key of an option's file and of the files it inherits from, of nodes and of settings."""
    return {keys[:depth] for keys in read_conf_file(file).values for depth in range(1, len(keys) + 1)}
