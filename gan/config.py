"""Is this configuration one that can run? All that is wrong with it, in one message, before any work starts.

Our own nodes are held against their dataclass in `gan.schema`; the Trainer, optimizers, callbacks and loggers are
``_target_`` nodes, held against the signature of what they name.
"""

import dataclasses
import difflib
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from gan import schema
from gan.data.registry import SAMPLES, SOURCES
from gan.errors import ConfigError, unknown_name
from gan.losses import OBJECTIVES

NODES = ("data", "model", "objective", "optimizer", "schedule", "trainer", "callbacks", "logger")
TOP_LEVEL = ("seed", "run_dir", *NODES)
NETWORKS = ("generator", "discriminator")
TRUSTED_PACKAGES = ("gan", "lightning", "torch")
# Lightning refuses these under manual optimization, which a game of two networks needs.
NOT_FOR_A_GAME = ("gradient_clip_val", "gradient_clip_algorithm", "accumulate_grad_batches")
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", list: "a list"}


def validate(settings: Mapping[str, Any]) -> None:
    """Check a whole configuration, given as plain containers with everything resolved.

    Raises:
        ConfigError: with every problem on a line of its own: the setting's path, what was given, what is allowed.
    """
    problems = list(_problems(settings))
    if problems:
        raise ConfigError("\n".join(problems))


def _problems(settings: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown_keys("", settings, TOP_LEVEL)
    yield from (f"{name}: missing" for name in TOP_LEVEL if name not in settings)
    if not _is_whole(settings.get("seed", 0)) or not 0 <= settings.get("seed", 0) < 2**32:
        yield f"seed: {settings['seed']!r} given, a whole number from 0 to 2**32 - 1 expected"

    yield from _named_node("data", settings, dict.fromkeys([*SOURCES, *SAMPLES], schema.DataConfig))
    yield from _named_node("model", settings, schema.MODELS)
    yield from _named_node("objective", settings, dict.fromkeys(OBJECTIVES, schema.ObjectiveConfig))
    yield from _named_node("schedule", settings, schema.SCHEDULES)
    if isinstance(settings.get("optimizer"), Mapping):
        yield from optimizer_problems(settings["optimizer"])
    if isinstance(settings.get("trainer"), Mapping):
        yield from _trainer_problems(settings["trainer"])
    for group in ("callbacks", "logger"):
        nodes = settings.get(group)
        for name, node in (nodes if isinstance(nodes, Mapping) else {}).items():
            if node is not None:  # `callbacks.samples=null` leaves one out
                yield from target_problems(f"{group}.{name}", node)


def _named_node(path: str, settings: Mapping[str, Any], schemas: Mapping[str, type]) -> Iterator[str]:
    node = settings.get(path)
    if not isinstance(node, Mapping):
        yield f"{path}: {node!r} given, settings expected"
    elif node.get("name") not in schemas:
        yield unknown_name(f"{path}.name", str(node.get("name")), schemas)
    else:
        yield from schema_problems(path, node, schemas[node["name"]])


def schema_problems(path: str, node: Any, of: type) -> Iterator[str]:
    """What is wrong with a node that should have the settings of the dataclass ``of``."""
    if not isinstance(node, Mapping):
        yield f"{path}: {node!r} given, settings expected"
        return
    fields = {field.name: field for field in dataclasses.fields(of)}
    hints = typing.get_type_hints(of)
    yield from _unknown_keys(path, node, fields)
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
    if not _matches(value, hint):
        yield f"{where}: {value!r} given, {_in_words(hint)} expected"
    elif choices and value not in choices:
        yield unknown_name(where, str(value), choices)
    elif check is not None and value is not None and not check(value):
        yield f"{where}: {value!r} given, {metadata['allowed']} expected"


def target_problems(path: str, node: Any, *, also: Iterable[str] = ()) -> Iterator[str]:
    """What is wrong with a ``_target_`` node: package, import, names and types of its arguments (and keys ``also``)."""
    if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
        yield f"{path}: a node with a _target_ expected"
        return
    target = node["_target_"]
    if target.split(".")[0] not in TRUSTED_PACKAGES:
        yield f"{path}._target_: '{target}' given, something from {', '.join(TRUSTED_PACKAGES)} expected"
        return
    called = _locate(target)
    if called is None:
        yield f"{path}._target_: there is no '{target}'"
        return
    parameters = inspect.signature(called).parameters
    yield from _unknown_keys(path, node, [*parameters, *also, "_target_", "_partial_"])
    hints = _hints(called)
    for name, value in node.items():
        if name in hints and not _matches(value, hints[name]):
            yield f"{path}.{name}: {value!r} given, {_in_words(hints[name])} expected"


def optimizer_problems(node: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the optimizers: the shared settings, and those of each network in its own sub-node."""
    import torch

    structural = list(target_problems("optimizer", node, also=NETWORKS))
    yield from structural
    if structural:
        return
    called = typing.cast(Callable[..., Any], _locate(node["_target_"]))
    for network in NETWORKS:
        own = node.get(network) or {}
        wrong = list(_unknown_keys(f"optimizer.{network}", own, inspect.signature(called).parameters))
        yield from wrong
        arguments = {name: value for name, value in {**node, **own}.items() if name not in ("_target_", *NETWORKS)}
        not_finite = [name for name, value in arguments.items() if isinstance(value, float) and not math.isfinite(value)]
        yield from (f"optimizer.{name}: {arguments[name]} given, a finite number expected" for name in not_finite)
        if not wrong and not not_finite:
            try:
                called([torch.nn.Parameter(torch.zeros(1))], **arguments)
            except (TypeError, ValueError, RuntimeError) as error:
                yield f"optimizer.{network}: {error}"
                return  # the other network's message would be the same


def _trainer_problems(node: Mapping[str, Any]) -> Iterator[str]:
    for name in NOT_FOR_A_GAME:
        if node.get(name) not in (None, 1):
            yield f"trainer.{name}: Lightning cannot do this for two networks that are updated in turn"
    yield from target_problems("trainer", node)
    epochs, steps = node.get("max_epochs"), node.get("max_steps", -1)
    if _is_whole(epochs) and epochs < 1 and not (epochs == -1 and _is_whole(steps) and steps > 0):
        yield f"trainer.max_epochs: {epochs} given, 1 or more expected (or -1 with trainer.max_steps, in generator updates)"
    strategy = node.get("strategy", "auto")
    if strategy not in ("auto", "ddp"):
        yield f"trainer.strategy: {strategy!r} given, auto or ddp expected (both are our data-parallel game, gan.parallel)"


def _unknown_keys(path: str, node: Mapping[str, Any], allowed: Iterable[str]) -> Iterator[str]:
    names = sorted(allowed)
    for key in node:
        if key not in names:
            where = f"{path}.{key}" if path else str(key)
            near = difflib.get_close_matches(str(key), names, n=1, cutoff=0.5)
            hint = f"; did you mean '{near[0]}'?" if near else ";"
            yield f"{where}: no such setting{hint} settings: {', '.join(n for n in names if not n.startswith('_'))}"


def _locate(target: str) -> Callable[..., Any] | None:
    module, _, name = target.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None
    return found if callable(found) else None


def _hints(called: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(called.__init__ if isinstance(called, type) else called)
    except (NameError, TypeError):  # hints that name what is imported for type checkers alone: nothing to check by
        return {}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _matches(value: Any, hint: Any) -> bool:
    """True if the value fits the type, as far as plain values go; a type that we cannot judge fits."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_matches(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list and isinstance(value, list | tuple):
        return all(_matches(item, arguments[0]) for item in value)
    if hint is bool:
        return isinstance(value, bool)
    if hint is int:
        return _is_whole(value)
    if hint is float:
        return (_is_whole(value) or isinstance(value, float)) and math.isfinite(value)
    if hint in (str, type(None)):
        return isinstance(value, hint)
    return not (origin is list and value is not None)


def _in_words(hint: Any) -> str:
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_in_words(argument) for argument in arguments))
    if origin is typing.Literal:
        return ", ".join(str(argument) for argument in arguments)
    if origin is list:
        return f"a list of {WORDS.get(arguments[0], 'values').removeprefix('a ')}s"
    if hint is type(None):
        return "null"
    return WORDS.get(hint, getattr(hint, "__name__", str(hint)))
