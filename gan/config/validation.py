"""Validation of a whole configuration before a run: all problems in one message.

Every option is a ``_target_`` node, checked against the signature of the class that it names: `gan.config.kinds`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gan.config.constraints import violated_constraints
from gan.config.data_node import data_problems
from gan.config.experiments import NO_PACKAGE
from gan.config.kinds import PARTS
from gan.config.target_validation import (
    listed_targets,
    model_problems,
    optimizer_problems,
    part_problems,
    trainer_problems,
)
from gan.system.errors import ConfigError, unknown_keys
from gan.system.value_types import is_int

NODES = ("data", "model", *PARTS, "game", "optimizer", "trainer", "callbacks", "logger")
TOP_LEVEL = ("seed", "run_dir", "dry_run", *NODES)


def validate(settings: Mapping[str, Any]) -> None:
    """Check a whole configuration in plain containers, with all references resolved.

    Raises:
        ConfigError: with one line per problem: the path of the setting, its value, and what is allowed.
    """
    problems = list(_problems(settings)) or list(dict.fromkeys(violated_constraints(settings)))
    if problems:
        raise ConfigError("\n".join(problems))


def _problems(settings: Mapping[str, Any]) -> Iterator[str]:
    if "experiment" in settings:
        yield NO_PACKAGE
    yield from unknown_keys("", {name: node for name, node in settings.items() if name != "experiment"}, TOP_LEVEL)
    yield from (f"{name}: missing" for name in TOP_LEVEL if name not in settings)
    if not is_int(settings.get("seed", 0)) or not 0 <= settings.get("seed", 0) < 2**32:
        yield f"seed: {settings['seed']!r} given, an integer from 0 to 2**32 - 1 expected"
    if not isinstance(settings.get("dry_run", False), bool):
        yield f"dry_run: {settings['dry_run']!r} given, true or false expected"
    if not isinstance(settings.get("run_dir", ""), str):
        yield f"run_dir: {settings['run_dir']!r} given, a folder expected"

    yield from data_problems(settings.get("data"))
    yield from model_problems(settings.get("model"))
    for group in (*PARTS, "game"):
        yield from part_problems(group, settings.get(group))
    yield from optimizer_problems(settings.get("optimizer"))
    yield from trainer_problems(settings.get("trainer"))
    yield from listed_targets("callbacks", settings)
    yield from listed_targets("logger", settings)
