"""``_target_`` nodes, which Hydra makes into objects: held against the signature of what they name.

The Trainer, the optimizers, callbacks and loggers are such nodes. What they name must come from a package that is
trusted: a configuration cannot call `os.system`.
"""

import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from gan.config.value_types import expected, hints_of, is_whole, matches
from gan.system.errors import ConfigError, unknown_setting

NETWORKS = ("generator", "discriminator")
RULE_SETTINGS = ("clip_norm", "accumulate")  # of the optimizer node, but ours: gan.game.gradients.UpdateRule
TRUSTED_PACKAGES = ("gan", "lightning", "torch")
# Lightning refuses or ignores these under manual optimization, which a game of two networks needs: what does it here.
NOT_FOR_A_GAME = {
    "gradient_clip_val": "optimizer.clip_norm (or optimizer.generator.clip_norm, optimizer.discriminator.clip_norm)",
    "gradient_clip_algorithm": "optimizer.clip_norm, which clips by norm",
    "accumulate_grad_batches": "optimizer.accumulate, the parts that a minibatch is cut into",
}
UNUSED = {"accumulate_grad_batches": 1}  # as good as not given


def listed_targets(group: str, settings: Mapping[str, Any], kind: str) -> Iterator[str]:
    """A group of named ``_target_`` nodes, each of which makes a ``kind``; `callbacks.samples=null` leaves one out."""
    nodes = settings.get(group)
    if not isinstance(nodes, Mapping):
        yield f"{group}: {nodes!r} given, settings expected"
        return
    for name, node in nodes.items():
        if node is None:
            continue
        path = f"{group}.{name}"
        if isinstance(node, Mapping) and node.get("train_time_interval") is not None:
            yield f"{path}.train_time_interval: Lightning ignores it here; callbacks.checkpoint saves after every epoch"
            continue
        structural = [*target_problems(path, node), *_missing_arguments(path, node)]
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


def _missing_arguments(path: str, node: Any) -> Iterator[str]:
    called = _locate(node["_target_"]) if isinstance(node, Mapping) and isinstance(node.get("_target_"), str) else None
    if called is not None:
        for name, parameter in inspect.signature(called).parameters.items():
            named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if named and parameter.default is parameter.empty and name not in node:
                yield f"{path}.{name}: missing"


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
    yield from unknown_keys(path, node, [*inspect.signature(called).parameters, *also, "_target_"])
    yield from _type_problems(node, called, lambda name: f"{path}.{name}")
    for name, value in node.items():
        yield from _nested_problems(f"{path}.{name}", value)


def _nested_problems(path: str, value: Any) -> Iterator[str]:
    """What is wrong with ``_target_`` nodes inside an argument: Hydra makes these too."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nested_problems(f"{path}[{index}]", item)
    elif isinstance(value, Mapping) and "_target_" in value:
        yield from target_problems(path, value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _nested_problems(f"{path}.{name}", item)


def _type_problems(
    arguments: Mapping[str, Any], called: Callable[..., Any], path_of: Callable[[str], str]
) -> Iterator[str]:
    hints = hints_of(called)
    for name, value in arguments.items():
        if name in hints and not matches(value, hints[name]):
            yield f"{path_of(name)}: {value!r} given, {expected(value, hints[name])} expected"


def optimizer_problems(node: Any) -> Iterator[str]:
    """What is wrong with the optimizers: the shared settings, and those of each network in its own sub-node."""
    problems = dict.fromkeys(target_problems("optimizer", node, also=(*NETWORKS, *RULE_SETTINGS)))
    if not problems:
        for network in NETWORKS:
            problems |= dict.fromkeys(_network_optimizer_problems(node, network))
    yield from problems


def network_optimizer(node: Mapping[str, Any], network: str) -> dict[str, Any]:
    """How one network is updated: the shared settings of the node `optimizer`, then those of that network alone."""
    shared = {name: value for name, value in node.items() if name not in ("_target_", *NETWORKS)}
    arguments = {**shared, **(node.get(network) or {})}
    betas = arguments.get("betas")
    if isinstance(betas, list):  # torch wants all of them to be of one type: [0, 0.99] is none to it
        arguments["betas"] = [float(beta) if is_whole(beta) else beta for beta in betas]
    return arguments


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

    arguments = network_optimizer(node, network)
    rule = {name: arguments.pop(name) for name in RULE_SETTINGS if name in arguments}
    known = [*inspect.signature(called).parameters, *RULE_SETTINGS]
    problems = [
        *_rule_problems(rule, path_of),
        *unknown_keys(f"optimizer.{network}", own, known),
        *_type_problems(arguments, called, path_of),
        *_rate_problems(arguments.get("lr"), path_of("lr")),
    ]
    yield from problems
    if not problems:
        import torch

        try:
            called([torch.nn.Parameter(torch.zeros(1))], **arguments)
        except (TypeError, ValueError, RuntimeError, LookupError) as error:
            yield f"{f'optimizer.{network}' if own else 'optimizer'}: {error}"


def _rule_problems(rule: Mapping[str, Any], path_of: Callable[[str], str]) -> Iterator[str]:
    clip_norm, accumulate = rule.get("clip_norm"), rule.get("accumulate", 1)
    if clip_norm is not None and not (matches(clip_norm, float) and clip_norm > 0):
        yield f"{path_of('clip_norm')}: {clip_norm!r} given, a number greater than 0, or null for no clipping, expected"
    if not (is_whole(accumulate) and accumulate >= 1):
        yield f"{path_of('accumulate')}: {accumulate!r} given, 1 or more parts of a minibatch expected"


def _rate_problems(lr: Any, path: str) -> Iterator[str]:
    if matches(lr, float) and lr <= 0:
        yield f"{path}: {lr!r} given, a number greater than 0 expected"


def trainer_problems(node: Any) -> Iterator[str]:
    if not isinstance(node, Mapping):
        yield f"trainer: {node!r} given, settings expected"
        return
    for name, ours in NOT_FOR_A_GAME.items():
        if node.get(name) is not None and node[name] != UNUSED.get(name):
            yield f"trainer.{name}: {node[name]!r} given; in a game of two networks this is {ours}"
    yield from target_problems("trainer", {name: value for name, value in node.items() if name not in TRAINER_CHECKS})
    for name, (check, allowed) in TRAINER_CHECKS.items():
        if name in node and not check(node[name]):
            yield f"trainer.{name}: {node[name]!r} given, {allowed} expected"
    epochs: Any = node.get("max_epochs")
    steps: Any = node.get("max_steps", -1)
    if is_whole(epochs) and epochs < 1 and not (epochs == -1 and is_whole(steps) and steps > 0):
        allowed = "1 or more expected (or -1 with trainer.max_steps, in generator updates)"
        yield f"trainer.max_epochs: {epochs} given, {allowed}"


def _is_devices(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(is_whole(item) and item >= 0 for item in value)
    return value in ("auto", "-1") or (is_whole(value) and (value >= 1 or value == -1))


def _is_share_or_number(value: Any) -> bool:
    return (is_whole(value) and value >= 1) or (isinstance(value, float) and 0 < value <= 1)


# What Lightning takes and cannot do for a game, or refuses only once a run has begun.
TRAINER_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "accelerator": (lambda x: x in ("auto", "cpu", "gpu", "cuda", "mps"), "auto, cpu, gpu, cuda or mps"),
    "devices": (_is_devices, "how many (1 or more), auto, or a list of their numbers"),
    "num_nodes": (lambda x: is_whole(x) and x >= 1, "1 or more"),
    "precision": (lambda x: x in ("32-true", "bf16-mixed", "16-mixed"), "32-true, bf16-mixed, 16-mixed"),
    "strategy": (
        lambda x: x in ("auto", "ddp"),
        "auto or ddp (both are our data-parallel game, gan.training.strategy)",
    ),
    "log_every_n_steps": (lambda x: is_whole(x) and x >= 1, "1 or more"),
    "limit_train_batches": (_is_share_or_number, "a share above 0.0 and up to 1.0, or a number of minibatches"),
    "max_steps": (lambda x: is_whole(x) and (x >= 1 or x == -1), "1 or more generator updates, or -1 for no limit"),
}


def unknown_keys(path: str, node: Mapping[str, Any], allowed: Iterable[str]) -> Iterator[str]:
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
