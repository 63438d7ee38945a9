"""Is this configuration one that can run? All that is wrong with it, in one message, before any work starts.

Our own nodes are held against their dataclass in `gan.schema`; the Trainer, optimizers, callbacks and loggers are
``_target_`` nodes, held against the signature of what they name.
"""

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from gan import schema
from gan.data.registry import SAMPLES, SOURCES
from gan.errors import ConfigError, unknown_name, unknown_setting
from gan.losses import OBJECTIVES

NODES = ("data", "model", "objective", "optimizer", "schedule", "trainer", "callbacks", "logger")
TOP_LEVEL = ("seed", "run_dir", *NODES)
NETWORKS = ("generator", "discriminator")
TRUSTED_PACKAGES = ("gan", "lightning", "torch")
# Lightning refuses these under manual optimization, which a game of two networks needs.
NOT_FOR_A_GAME = ("gradient_clip_val", "gradient_clip_algorithm", "accumulate_grad_batches")
WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a word",
    list: "a list",
    type(None): "null",
}


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
    if not isinstance(settings.get("run_dir", ""), str):
        yield f"run_dir: {settings['run_dir']!r} given, a folder expected"

    yield from _named_node("data", settings, dict.fromkeys([*SOURCES, *SAMPLES], schema.DataConfig))
    yield from _named_node("model", settings, schema.MODELS)
    yield from _named_node("objective", settings, dict.fromkeys(OBJECTIVES, schema.ObjectiveConfig))
    yield from _named_node("schedule", settings, schema.SCHEDULES)
    yield from optimizer_problems(settings.get("optimizer"))
    yield from _trainer_problems(settings.get("trainer"))
    yield from _listed_targets("callbacks", settings, "lightning.pytorch.Callback")
    yield from _listed_targets("logger", settings, "lightning.pytorch.loggers.Logger")


def _listed_targets(group: str, settings: Mapping[str, Any], kind: str) -> Iterator[str]:
    """A group of named ``_target_`` nodes, each of which makes a ``kind``; `callbacks.samples=null` leaves one out."""
    nodes = settings.get(group)
    if not isinstance(nodes, Mapping):
        yield f"{group}: {nodes!r} given, settings expected"
        return
    for name, node in nodes.items():
        if node is None:
            continue
        path = f"{group}.{name}"
        structural = list(target_problems(path, node))
        yield from structural
        if structural:
            continue
        called = typing.cast(Any, _locate(node["_target_"]))
        if not (isinstance(called, type) and issubclass(called, typing.cast(type, _locate(kind)))):
            yield f"{path}._target_: '{node['_target_']}' given, a {kind.rpartition('.')[2]} expected"
        elif node["_target_"].startswith("gan."):  # ours check their arguments when they are made, and do nothing else
            try:
                called(**{key: value for key, value in node.items() if not key.startswith("_")})
            except ConfigError as error:
                yield f"{path}.{error}"


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
        yield f"{where}: {value!r} given, {_expected(value, hint)} expected"
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
    yield from _unknown_keys(path, node, [*inspect.signature(called).parameters, *also, "_target_", "_partial_"])
    yield from _type_problems(node, called, lambda name: f"{path}.{name}")


def _type_problems(
    arguments: Mapping[str, Any], called: Callable[..., Any], path_of: Callable[[str], str]
) -> Iterator[str]:
    hints = _hints(called)
    for name, value in arguments.items():
        if name in hints and not _matches(value, hints[name]):
            yield f"{path_of(name)}: {value!r} given, {_expected(value, hints[name])} expected"


def optimizer_problems(node: Any) -> Iterator[str]:
    """What is wrong with the optimizers: the shared settings, and those of each network in its own sub-node."""
    problems = dict.fromkeys(target_problems("optimizer", node, also=NETWORKS))
    if not problems:
        for network in NETWORKS:
            problems |= dict.fromkeys(_network_optimizer_problems(node, network))
    yield from problems


def _network_optimizer_problems(node: Mapping[str, Any], network: str) -> Iterator[str]:
    called = typing.cast(Callable[..., Any], _locate(node["_target_"]))
    shared = {name: value for name, value in node.items() if name not in ("_target_", *NETWORKS)}
    given = node.get(network) or {}
    if not isinstance(given, Mapping):
        yield f"optimizer.{network}: {given!r} given, settings expected"
        return
    # What a network has as the other does, like `lr: ${optimizer.lr}`, is told under the shared setting's name.
    own = {name: value for name, value in given.items() if repr(value) != repr(shared.get(name))}

    def path_of(name: str) -> str:
        return f"optimizer.{network}.{name}" if name in own else f"optimizer.{name}"

    arguments = {**shared, **own}
    problems = [
        *_unknown_keys(f"optimizer.{network}", own, inspect.signature(called).parameters),
        *_type_problems(arguments, called, path_of),
    ]
    yield from problems
    if not problems:
        import torch

        try:
            called([torch.nn.Parameter(torch.zeros(1))], **arguments)
        except (TypeError, ValueError, RuntimeError, LookupError) as error:
            yield f"{f'optimizer.{network}' if own else 'optimizer'}: {error}"


def _trainer_problems(node: Any) -> Iterator[str]:
    if not isinstance(node, Mapping):
        yield f"trainer: {node!r} given, settings expected"
        return
    for name in NOT_FOR_A_GAME:
        if node.get(name) not in ((None, 1) if name == "accumulate_grad_batches" else (None,)):
            yield f"trainer.{name}: Lightning cannot do this for two networks that are updated in turn"
    yield from target_problems("trainer", {name: value for name, value in node.items() if name not in TRAINER_CHECKS})
    for name, (check, allowed) in TRAINER_CHECKS.items():
        if name in node and not check(node[name]):
            yield f"trainer.{name}: {node[name]!r} given, {allowed} expected"
    epochs: Any = node.get("max_epochs")
    steps: Any = node.get("max_steps", -1)
    if _is_whole(epochs) and epochs < 1 and not (epochs == -1 and _is_whole(steps) and steps > 0):
        allowed = "1 or more expected (or -1 with trainer.max_steps, in generator updates)"
        yield f"trainer.max_epochs: {epochs} given, {allowed}"


def _is_devices(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_whole(item) and item >= 0 for item in value)
    return value in ("auto", "-1") or (_is_whole(value) and (value >= 1 or value == -1))


def _is_share_or_number(value: Any) -> bool:
    return (_is_whole(value) and value >= 1) or (isinstance(value, float) and 0 < value <= 1)


# What Lightning takes and cannot do for a game, or refuses only once a run has begun.
TRAINER_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "accelerator": (lambda x: x in ("auto", "cpu", "gpu", "cuda", "mps"), "auto, cpu, gpu, cuda or mps"),
    "devices": (_is_devices, "how many (1 or more), auto, or a list of their numbers"),
    "num_nodes": (lambda x: _is_whole(x) and x >= 1, "1 or more"),
    "precision": (lambda x: x in ("32-true", "bf16-mixed", "16-mixed"), "32-true, bf16-mixed, 16-mixed"),
    "strategy": (lambda x: x in ("auto", "ddp"), "auto or ddp (both are our data-parallel game, gan.parallel)"),
    "log_every_n_steps": (lambda x: _is_whole(x) and x >= 1, "1 or more"),
    "limit_train_batches": (_is_share_or_number, "a share above 0.0 and up to 1.0, or a number of minibatches"),
    "max_steps": (lambda x: _is_whole(x) and (x >= 1 or x == -1), "1 or more generator updates, or -1 for no limit"),
}


def _unknown_keys(path: str, node: Mapping[str, Any], allowed: Iterable[str]) -> Iterator[str]:
    names = list(allowed)
    for key in node:
        if key not in names:
            yield unknown_setting(f"{path}.{key}" if path else str(key), str(key), names)


def _locate(target: str) -> Callable[..., Any] | None:
    module, _, name = target.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None
    return found if callable(found) else None


def _hints(called: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.getattr_static(called, "__init__") if inspect.isclass(called) else called)
    except (NameError, TypeError):  # hints that name what is imported for type checkers alone: nothing to check by
        return {}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _matches(value: Any, hint: Any) -> bool:
    """True if the value fits the type, as far as plain values go; a type that we cannot judge fits."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(value, Mapping) and "_target_" in value:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_matches(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(_matches(item, arguments[0]) for item in value)
    if origin is tuple and Ellipsis not in arguments:
        return isinstance(value, list) and len(value) == len(arguments) and all(map(_matches, value, arguments))
    if hint is int:
        return _is_whole(value)
    if hint is float:
        return (_is_whole(value) or isinstance(value, float)) and math.isfinite(value)
    return isinstance(value, hint) if isinstance(hint, type) and origin is None else True


def _expected(value: Any, hint: Any) -> str:
    return "a finite number" if isinstance(value, float) and not math.isfinite(value) else _in_words(hint)


def _in_words(hint: Any) -> str:
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        sayable = [argument for argument in arguments if argument in WORDS or typing.get_origin(argument)]
        return " or ".join(dict.fromkeys(_in_words(argument) for argument in sayable or arguments))
    if origin is typing.Literal:
        return ", ".join(str(argument) for argument in arguments)
    if origin is list:
        return f"a list of {WORDS.get(arguments[0], 'a value').removeprefix('a ')}s"
    if origin is tuple:
        return f"a list of {len(arguments)}: {', '.join(map(_in_words, arguments))}"
    return WORDS.get(hint, getattr(hint, "__name__", str(hint)))
