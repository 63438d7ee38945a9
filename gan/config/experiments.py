"""Recipes (`experiment=NAME`): what becomes of their settings when the command line chooses another option."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan.config.options.conf_files import CONF, Keys, read_conf_file


def without_leftovers(settings: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """The settings without what a recipe has set for an option that the command line has replaced.

    In `experiment=r1 penalty=none` the recipe's penalty.gamma is nothing that "none" has; it was for r1. A setting that
    both options have keeps the recipe's value, as data.batch_size does in `experiment=slides_mnist data=fashion`.

    Args:
        settings: the whole configuration, in plain containers, as Hydra has composed it.
        words: of the command line, such as "penalty=none".
    """
    chosen = dict(word.split("=", 1) for word in words if "=" in word)
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
    """What of a node is in the option's file, or was given on the command line: the node itself, or what is in it."""
    kept = {}
    for name, value in node.items():
        keys = (*above, name)
        if any(path[: len(keys)] == keys or keys[: len(path)] == path for path in given if len(path) > 1):
            kept[name] = value
        elif keys[1:] in known:
            kept[name] = _kept(value, keys, known, given) if isinstance(value, Mapping) else value
    return kept


def _known(file: Path) -> set[Keys]:
    """Every key of an option's file, and of those that it takes over, nodes and settings alike."""
    return {keys[:depth] for keys in _written(file) for depth in range(1, len(keys) + 1)}


def _written(file: Path) -> Iterator[Keys]:
    yield from read_conf_file(file).values
