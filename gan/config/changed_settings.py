"""Settings that may change while a run trains: objective, penalty, learning rates, momentum, n_critic and seed."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import yaml

from gan.config.option_names import option_name, value_at
from gan.config.options.conf_files import CONF, read_conf_file
from gan.config.validation import validate
from gan.system.errors import ConfigError, unknown_name

GROUPS = ("objective", "penalty")
RATES = ("optimizer.discriminator.lr", "optimizer.generator.lr")
SETTINGS = (*RATES, "optimizer.betas", "schedule.n_critic", "seed")


def with_changes(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run after changes.

    Args:
        settings: all settings, in plain containers.
        changes: values by path; ``objective`` and ``penalty`` take the name of an option, with its default settings.

    Raises:
        ConfigError: a path is not one of these, or the settings after the changes are not valid.
    """
    new = copy.deepcopy(dict(settings))
    for group in (group for group in GROUPS if group in changes):
        names = [path.stem for path in (CONF / group).glob("*.yaml")]
        if changes[group] not in names:
            raise ConfigError(unknown_name(group, str(changes[group]), names))
        new[group] = yaml.safe_load((CONF / group / f"{changes[group]}.yaml").read_text(encoding="utf-8"))
    for path, value in changes.items():
        if path not in GROUPS:
            _set(new, path, value)
    validate(new)
    return new


def _set(settings: dict[str, Any], path: str, value: Any) -> None:
    allowed = list(changeable(settings))
    if path not in allowed:
        raise ConfigError(unknown_name("change", path, allowed))
    *nodes, name = path.split(".")
    node = settings
    for each in nodes:
        node = node[each]
    node[name] = value


def changeable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that may change, by path, with their values."""
    found: dict[str, Any] = {}
    for group in GROUPS:
        node = settings[group]
        found[group] = option_name(group, node)
        found |= {f"{group}.{name}": value for name, value in node.items() if name != "_target_"}
    for path in SETTINGS:
        value = value_at(settings, *path.split("."))
        if value is not None:
            found[path] = value
    return found


def words(changes: Mapping[str, Any]) -> list[str]:
    """The changes as words of a command line, the options first.

    Raises:
        ConfigError: a path cannot be that of a changeable setting.
    """
    for path in changes:
        if path not in (*GROUPS, *SETTINGS) and path.partition(".")[0] not in GROUPS:
            raise ConfigError(unknown_name("change", path, [*GROUPS, *SETTINGS]))
    ordered = sorted(changes, key=lambda path: path not in GROUPS)
    return [f"{path}={changes[path] if path in GROUPS else json.dumps(changes[path])}" for path in ordered]


def choices() -> dict[str, list[dict[str, Any]]]:
    """The options of each group: its name, what it is, and its settings with default and meaning."""
    return {group: [_choice(group, path.stem) for path in sorted((CONF / group).glob("*.yaml"))] for group in GROUPS}


def _choice(group: str, name: str) -> dict[str, Any]:
    file = read_conf_file(CONF / group / f"{name}.yaml")
    settings = [
        {"path": f"{group}.{keys[0]}", "default": yaml.safe_load(value), "meaning": file.comments.get(keys, "")}
        for keys, value in file.values.items()
        if keys[0] != "_target_"
    ]
    return {"name": name, "about": " ".join(file.header), "settings": settings}
