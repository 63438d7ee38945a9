"""Names of options: which file of ``conf/`` a node comes from, by its class."""

import functools
from collections.abc import Mapping
from typing import Any

from gan.config.options.conf_files import CONF, read_conf_file

TARGET = {"model": ("generator", "_target_")}  # where the class is that distinguishes the options of a group


def value_at(settings: Any, *names: str) -> Any:
    """The value of nested mappings below these names; None if there is none."""
    for name in names:
        settings = settings.get(name) if isinstance(settings, Mapping) else None
    return settings


def option_name(group: str, node: Mapping[str, Any]) -> str:
    """The name of an option: ``r1`` for `penalty=r1`; for a class of the user's own, the name of the class."""
    target = str(value_at(node, *TARGET.get(group, ("_target_",))))
    return options_by_target(group).get(target, target.rpartition(".")[2])


@functools.cache
def options_by_target(group: str) -> dict[str, str]:
    """The options of a group in ``conf/``, by the class that distinguishes them."""
    files = {path.stem: read_conf_file(path) for path in sorted((CONF / group).glob("*.yaml"))}
    targets = {name: file.value(*TARGET.get(group, ("_target_",))) for name, file in files.items()}
    return {target: name for name, target in targets.items() if target}
