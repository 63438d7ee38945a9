"""Validation of a whole configuration before a run: all problems in one message.

Our own nodes are checked against their dataclasses in `gan.config.schema`. The Trainer, optimizers, callbacks and
loggers are ``_target_`` nodes, checked against the signatures of their classes.
"""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from gan.config import schema
from gan.config.constraints import violated_constraints
from gan.config.target_validation import listed_targets, optimizer_problems, trainer_problems
from gan.system.errors import ConfigError, unknown_keys, unknown_name
from gan.system.value_types import expected, is_int, matches, mismatch

TARGET_NODES = ("optimizer", "trainer", "callbacks", "logger")
TOP_LEVEL = ("seed", "run_dir", "dry_run", *schema.NODES, *TARGET_NODES)


def validate(settings: Mapping[str, Any]) -> None:
    """Check a whole configuration in plain containers, with all references resolved.

    Raises:
        ConfigError: with one line per problem: the path of the setting, its value, and what is allowed.
    """
    problems = list(_problems(settings)) or list(dict.fromkeys(violated_constraints(settings)))
    if problems:
        raise ConfigError("\n".join(problems))


def _problems(settings: Mapping[str, Any]) -> Iterator[str]:
    yield from unknown_keys("", settings, TOP_LEVEL)
    yield from (f"{name}: missing" for name in TOP_LEVEL if name not in settings)
    if not is_int(settings.get("seed", 0)) or not 0 <= settings.get("seed", 0) < 2**32:
        yield f"seed: {settings['seed']!r} given, a whole number from 0 to 2**32 - 1 expected"
    if not isinstance(settings.get("dry_run", False), bool):
        yield f"dry_run: {settings['dry_run']!r} given, true or false expected"
    if not isinstance(settings.get("run_dir", ""), str):
        yield f"run_dir: {settings['run_dir']!r} given, a folder expected"

    for group, schemas in schema.NODES.items():
        yield from _named_node(group, settings, schemas)
    yield from optimizer_problems(settings.get("optimizer"))
    yield from trainer_problems(settings.get("trainer"))
    yield from listed_targets("callbacks", settings)
    yield from listed_targets("logger", settings)


def _named_node(path: str, settings: Mapping[str, Any], schemas: Mapping[str, type]) -> Iterator[str]:
    node = settings.get(path)
    if not isinstance(node, Mapping):
        yield f"{path}: {node!r} given, settings expected"
    elif not isinstance(node.get("name"), str) or node["name"] not in schemas:
        yield unknown_name(f"{path}.name", str(node.get("name")), schemas)
    else:
        yield from schema_problems(path, node, schemas[node["name"]])


def schema_problems(path: str, node: Any, of: type) -> Iterator[str]:
    """Problems of a node that should have the settings of the dataclass ``of``."""
    if not isinstance(node, Mapping):
        yield f"{path}: {node!r} given, settings expected"
        return
    fields = {field.name: field for field in dataclasses.fields(of)}
    hints = typing.get_type_hints(of)
    yield from unknown_keys(path, node, fields)
    for name, field in fields.items():
        where = f"{path}.{name}"
        if name not in node:
            yield f"{where}: missing ({field.metadata['meaning']})"
        elif dataclasses.is_dataclass(hints[name]):
            yield from schema_problems(where, node[name], typing.cast(type, hints[name]))
        else:
            yield from _value_problems(where, node[name], hints[name], field.metadata)


def _value_problems(where: str, value: Any, hint: Any, metadata: Mapping[str, Any]) -> Iterator[str]:
    choices, check = metadata["choices"], metadata["check"]
    if not matches(value, hint):
        yield f"{where}: {value!r} given, {expected(value, hint)} expected" if choices else mismatch(where, value, hint)
    elif choices and value not in choices:
        yield unknown_name(where, str(value), choices)
    elif check is not None and value is not None and not check(value):
        yield f"{where}: {value!r} given, {metadata['allowed']} expected"
