"""Validation of the ``_target_`` nodes of each group against the signatures of their classes.

`gan.config.kinds` checks which class a node may name, and its arguments.
"""

import inspect
import itertools
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gan.config.kinds import (
    GIVEN,
    MAY_BE_NONE,
    NONE,
    argument_problems,
    given_arguments,
    is_a,
    kind,
    locate,
    missing_arguments,
    node_problems,
)
from gan.config.lightning_support import (
    callbacks_together,
    unsupported_arguments,
    unsupported_callback,
    unsupported_callback_arguments,
)
from gan.system.errors import ConfigError, unknown_keys
from gan.system.trust import is_below
from gan.system.value_types import hints_of, is_int, matches, parameters_of

NETWORKS = ("generator", "discriminator")
RULE_SETTINGS = ("clip_norm", "accumulate")  # of the optimizer node, but ours: gan.game.gradients.UpdateRule


def part_problems(group: str, node: Any) -> Iterator[str]:
    """Problems of a group with one node, also those that the constructor of its class reports."""
    given = GIVEN.get(group, ())
    problems = [
        *node_problems(group, node, [kind(group)], given=given, may_be_none=group in MAY_BE_NONE),
        *missing_arguments(group, node, given),
    ]
    yield from problems
    if not problems and not given and node["_target_"] != NONE:
        yield from made(group, node, {})


def model_problems(node: Any) -> Iterator[str]:
    """Problems of the networks' nodes, and of what they share."""
    if not isinstance(node, Mapping):
        yield f"model: {node!r} given, settings expected"
        return
    yield from node_problems("model", node, [kind("model")], given=GIVEN["model"], also=NETWORKS)
    for network in NETWORKS:
        path = f"model.{network}"
        if network not in node:
            yield f"{path}: missing"
            continue
        yield from node_problems(path, node.get(network), [kind(path)], given=GIVEN[path])
        yield from missing_arguments(path, node.get(network), GIVEN[path])


def listed_targets(group: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """Problems of a group of named ``_target_`` nodes; a node may be null, as in `callbacks.samples=null`."""
    nodes = settings.get(group)
    if not isinstance(nodes, Mapping):
        yield f"{group}: {nodes!r} given, settings expected"
        return
    objects: dict[str, Any] = {}
    for name, node in nodes.items():
        if node is None:
            continue
        path = f"{group}.{name}"
        if refused := [*unsupported_callback_arguments(path, node)]:
            yield from refused
            continue
        structural = [*node_problems(path, node, [kind(group)]), *missing_arguments(path, node)]
        yield from structural
        if not structural:
            yield from _listed_object(path, node, objects)
    if group == "callbacks":
        yield from callbacks_together(objects, settings)


def _listed_object(path: str, node: Mapping[str, Any], objects: dict[str, Any]) -> Iterator[str]:
    """Problems that a callback or a logger reports when it is instantiated; a valid object is added to ``objects``.

    Only our classes and callbacks are instantiated: the constructors of other loggers may write files.
    """
    called = typing.cast(type, locate(node["_target_"]))
    is_callback = is_a(called, [kind("callbacks")])
    problems = [*unsupported_callback(path, called, node)] if is_callback and inspect.isclass(called) else []
    yield from problems
    if not problems and (is_callback or is_below(called.__module__, ["gan"])):
        yield from made(path, node, objects)


def made(path: str, node: Mapping[str, Any], objects: dict[str, Any]) -> Iterator[str]:
    """Problems that a constructor reports; a valid object is added to ``objects``."""
    from hydra.errors import InstantiationException  # `gan options` imports this module, and needs neither
    from hydra.utils import instantiate
    from omegaconf.errors import OmegaConfBaseException

    try:
        objects[path] = instantiate(node, _convert_="all")
    except OmegaConfBaseException as error:  # an interpolation in a text
        yield f"{path}: {' '.join(str(error).split())}"
    except Exception as error:  # Hydra 1.3 wraps what a constructor raises, Hydra 1.4 does not
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        if isinstance(cause, ConfigError):
            yield f"{path}.{cause}"
        elif is_below(node["_target_"], ["gan"]):
            raise
        else:
            kind_of_error = "" if is_below(node["_target_"], ["lightning"]) else f"{type(cause or error).__name__}: "
            yield f"{path}: {kind_of_error}{' '.join(str(cause or error).split())}"


def optimizer_problems(node: Any) -> Iterator[str]:
    """Problems of the optimizers: of the shared settings, and of the sub-node of each network."""
    also = (*NETWORKS, *RULE_SETTINGS, "_partial_")  # the node is instantiated partially anyway
    problems = dict.fromkeys(node_problems("optimizer", node, [kind("optimizer")], given=GIVEN["optimizer"], also=also))
    if not problems:
        for network in NETWORKS:
            problems |= dict.fromkeys(_network_optimizer_problems(node, network))
    yield from problems


def network_optimizer(node: Mapping[str, Any], network: str) -> dict[str, Any]:
    """The settings of one network's optimizer: the shared settings, updated by those of the network."""
    shared = {name: value for name, value in given_arguments(node).items() if name not in NETWORKS}
    arguments = {**shared, **(node.get(network) or {})}
    betas = arguments.get("betas")
    if isinstance(betas, list):  # torch refuses mixed types, as in [0, 0.99]
        arguments["betas"] = [float(beta) if is_int(beta) else beta for beta in betas]
    return arguments


def _network_optimizer_problems(node: Mapping[str, Any], network: str) -> Iterator[str]:
    called = typing.cast(Callable[..., Any], locate(node["_target_"]))
    shared = {name: value for name, value in given_arguments(node).items() if name not in NETWORKS}
    given = node.get(network) or {}
    if not isinstance(given, Mapping):
        yield f"optimizer.{network}: {given!r} given, settings expected"
        return
    # A value equal to the shared one, as from `lr: ${optimizer.lr}`, is reported under the shared setting's name.
    local = {name: value for name, value in given.items() if repr(value) != repr(shared.get(name))}

    def path_of(name: str) -> str:
        return f"optimizer.{network}.{name}" if name in local else f"optimizer.{name}"

    arguments = network_optimizer(node, network)
    rule = {name: arguments.pop(name) for name in RULE_SETTINGS if name in arguments}
    known = [*(name for name in parameters_of(called) if name not in GIVEN["optimizer"]), *RULE_SETTINGS]
    hints = hints_of(called)
    wrong = (argument_problems(path_of(name), value, hints.get(name, Any)) for name, value in arguments.items())
    problems = [
        *_rule_problems(rule, path_of),
        *unknown_keys(f"optimizer.{network}", local, known),
        *itertools.chain.from_iterable(wrong),
        *_rate_problems(arguments.get("lr"), path_of("lr")),
        *_beta_problems(arguments.get("betas"), path_of("betas")),
    ]
    yield from problems
    if not problems:
        import torch

        try:
            called([torch.nn.Parameter(torch.zeros(1))], **arguments)
        except (TypeError, ValueError, RuntimeError, LookupError) as error:
            yield f"{f'optimizer.{network}' if local else 'optimizer'}: {error}"


def _rule_problems(rule: Mapping[str, Any], path_of: Callable[[str], str]) -> Iterator[str]:
    clip_norm, accumulate = rule.get("clip_norm"), rule.get("accumulate", 1)
    if clip_norm is not None and not (matches(clip_norm, float) and clip_norm > 0):
        yield f"{path_of('clip_norm')}: {clip_norm!r} given, a number greater than 0, or null for no clipping, expected"
    if not (is_int(accumulate) and accumulate >= 1):
        yield f"{path_of('accumulate')}: {accumulate!r} given, 1 or more parts of a minibatch expected"


def _beta_problems(betas: Any, path: str) -> Iterator[str]:
    """Problems of Adam's factors, for which torch's message does not say what is allowed."""
    if isinstance(betas, list) and any(matches(beta, float) and not 0 <= beta < 1 for beta in betas):
        yield f"{path}: {betas!r} given, numbers in [0, 1) expected"


def _rate_problems(lr: Any, path: str) -> Iterator[str]:
    if matches(lr, float) and lr <= 0:
        yield f"{path}: {lr!r} given, a number greater than 0 expected"


def trainer_problems(node: Any) -> Iterator[str]:
    if not isinstance(node, Mapping):
        yield f"trainer: {node!r} given, settings expected"
        return
    yield from unsupported_arguments(node)
    others = {name: value for name, value in node.items() if name not in TRAINER_CHECKS}
    yield from node_problems("trainer", others, [kind("trainer")])
    for name, (check, allowed) in TRAINER_CHECKS.items():
        if name in node and not check(node[name]):
            yield f"trainer.{name}: {node[name]!r} given, {allowed} expected"
    epochs: Any = node.get("max_epochs")
    steps: Any = node.get("max_steps", -1)
    limited = node.get("max_time") is not None or (is_int(steps) and steps > 0)
    endless = epochs in (-1, None) and "max_epochs" in node
    if (endless and not limited) or (is_int(epochs) and epochs < 1 and not endless):
        allowed = "1 or more expected (or -1 with trainer.max_steps, in generator updates, or trainer.max_time)"
        yield f"trainer.max_epochs: {epochs} given, {allowed}"


def _is_devices(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(is_int(item) and item >= 0 for item in value)
    return value in ("auto", "-1") or (is_int(value) and (value >= 1 or value == -1))


def _is_fraction_or_number(value: Any) -> bool:
    return (is_int(value) and value >= 1) or (isinstance(value, float) and 0 < value <= 1)


def _is_duration(value: Any) -> bool:
    if isinstance(value, Mapping):
        units = ("weeks", "days", "hours", "minutes", "seconds")
        known = all(unit in units and matches(of, float) and of >= 0 for unit, of in value.items())
        return known and any(of > 0 for of in value.values())
    return value is None or (
        isinstance(value, str)
        and re.fullmatch(r"\d+:\d+:\d+:\d+", value) is not None
        and re.search("[1-9]", value) is not None
    )


# Values that Lightning accepts, but that do not work with two networks, or that it refuses only after the start.
TRAINER_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "accelerator": (lambda x: x in ("auto", "cpu", "gpu", "cuda", "mps"), "auto, cpu, gpu, cuda or mps"),
    "devices": (_is_devices, "the number of devices (1 or more), auto, or a list of device numbers"),
    "num_nodes": (lambda x: is_int(x) and x >= 1, "1 or more"),
    "precision": (lambda x: x in ("32-true", "bf16-mixed", "16-mixed"), "32-true, bf16-mixed, 16-mixed"),
    "strategy": (
        lambda x: x in ("auto", "ddp"),
        "auto or ddp (both are our data-parallel strategy, gan.training.strategy)",
    ),
    "max_time": (
        _is_duration,
        "a time above 0 as DD:HH:MM:SS (days, hours, minutes, seconds), such as 00:01:30:00, or {hours: 1}, or null",
    ),
    "log_every_n_steps": (lambda x: is_int(x) and x >= 1, "1 or more"),
    "limit_train_batches": (_is_fraction_or_number, "a fraction above 0.0 and up to 1.0, or a number of minibatches"),
    "overfit_batches": (
        lambda x: x == 0 or _is_fraction_or_number(x),
        "0.0 for none, a fraction above 0.0 and up to 1.0, or a number of minibatches",
    ),
    "max_steps": (lambda x: is_int(x) and (x >= 1 or x == -1), "1 or more generator updates, or -1 for no limit"),
}
