"""Defaults of classes for settings that a configuration leaves out, so that config.yaml has all of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from gan.config.data_node import custom_source
from gan.config.kinds import GIVEN, given_arguments, is_node, kind, locate
from gan.data.registry import SHARED
from gan.system.trust import OWN_PACKAGES, is_below
from gan.system.value_types import parameters_of

COMPLETED = (
    *("data", "model", "model.generator", "model.discriminator", "objective", "penalty", "augmentation"),
    *("lr_schedule", "schedule", "ema", "game", "game.instance_noise", "game.auxiliary_losses"),
)


def completed(settings: Mapping[str, Any], *, saved: bool = False) -> dict[str, Any]:
    """The settings with the defaults of the classes in all groups of one node; an unknown class is left as it is.

    Args:
        saved: the settings are those of a run folder: no class of another package is imported.
    """
    found = dict(settings)
    for path in COMPLETED:
        group, _, name = path.partition(".")
        node = found.get(group)
        inner = node.get(name) if name and isinstance(node, Mapping) else node
        if not isinstance(node, Mapping) or not isinstance(inner, Mapping) or not is_node(inner):
            continue
        if saved and not is_below(str(inner["_target_"]), OWN_PACKAGES):
            continue
        whole = with_defaults(inner, path)
        found[group] = {**node, name: whole} if name else whole
    return found


def with_defaults(node: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """A node with the defaults of its class for the settings that it does not give, as far as they are plain values."""
    called = locate(node["_target_"]) if isinstance(node["_target_"], str) else None
    if called is None:
        return dict(node)
    parameters = parameters_of(called)
    if path == "data" and custom_source(node):
        shared = parameters_of(kind("data"))
        parameters = {**parameters, **{name: shared[name] for name in SHARED}}
    values = {
        name: _plain(parameter.default)
        for name, parameter in parameters.items()
        if parameter.default is not parameter.empty and name not in GIVEN.get(path, ())
    }
    given = given_arguments(node)
    return {**node, **{name: value for name, value in values.items() if name not in given and value is not ...}}


def _plain(value: Any) -> Any:
    """A default in plain containers, a dataclass as a node; ``...`` if it is another object."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        return ... if any(item is ... for item in items) else items
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"_target_": f"{type(value).__module__}.{type(value).__qualname__}", **fields}
    return ...
