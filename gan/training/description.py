"""Descriptions of games in checkpoints: the class and the settings of each part, from which the game is built again.

A part is a node as in a configuration: ``{"_target_": "gan.game.penalties.R1", "gamma": 10.0}``. Its settings are the
arguments of its constructor: fields of a dataclass, arguments that our networks keep, or attributes of the same names.
Objects are not pickled, and a class is imported only if it is ours, Lightning's or torch's, or if the user trusts its
package. The checkpoints of a run contain its whole configuration instead.
"""

import dataclasses
import functools
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from gan.config.data_node import data_problems
from gan.config.kinds import GIVEN, PARTS, find, given_arguments, kind, node_problems
from gan.config.moved import updated
from gan.config.saved_settings import in_this_version
from gan.config.target_validation import (
    NETWORKS,
    RULE_SETTINGS,
    model_problems,
    optimizer_problems,
    part_problems,
)
from gan.config.trust import check_literal, check_trust
from gan.game.augmentation import InstanceNoise
from gan.game.ema import GeneratorAverage
from gan.game.gradients import UpdateRule
from gan.game.latents import Prior
from gan.game.losses import AuxiliaryLosses
from gan.runs.checkpoint_file import CheckpointError
from gan.runs.checkpoint_io import load_any
from gan.system.errors import ConfigError, GanError, unknown_keys
from gan.system.trust import trusted, untrusted
from gan.system.value_types import hints_of, parameters_of
from gan.training.build import build_data, build_game, instantiated, update_rule
from gan.training.game_module import GameModule

IMAGES = ("image_shape", "num_classes", "mean", "std")
# Parts of a game that are no group of a configuration.
OF_GAME: dict[str, type] = {"instance_noise": InstanceNoise, "auxiliary_losses": AuxiliaryLosses}
SHARES = "cluster_shares"
UNKNOWN = "_unknown_"  # key of a part whose settings are not known; its value says why


class NotDescribed(Exception):
    """The settings of an object are not known; the message says why."""


def describe(game: GameModule) -> dict[str, Any]:
    """What a checkpoint needs to build this game again, in plain containers."""
    data: Any = game.trainer.datamodule  # type: ignore[attr-defined]  # set by a connector
    if "model" in game.hparams:  # a run's configuration; the images are not in it
        return {name: _plain(getattr(data, name)) for name in (*IMAGES, SHARES) if hasattr(data, name)}
    rules = (game.generator_rule, game.discriminator_rule)
    own = {
        name: getattr(game, name, None) for name in parameters_of(type(game)) if name not in parameters_of(GameModule)
    }
    return {
        "game": _known(lambda: {"_target_": _name(type(game)), "d_batch": game.d_batch, **_plain(own)}),
        "prior": _plain(dataclasses.asdict(game.prior)),
        "seed": game.seed,
        "num_classes": game.num_classes,
        **{name: _part(getattr(game, name)) for name in (*NETWORKS, *PARTS, *OF_GAME)},
        "optimizer": {name: _rule(rule) for name, rule in zip(NETWORKS, rules, strict=True)},
    }


def generator_node(game: GameModule) -> dict[str, Any]:
    """The node of the generator, without the arguments that the program gives.

    Raises:
        NotDescribed: its settings are not known.
    """
    if "model" in game.hparams:
        node: dict[str, Any] = game.hparams["model"]["generator"]
        return node
    return {name: value for name, value in node_of(game.generator).items() if name not in GIVEN["model.generator"]}


def node_of(thing: Any, given: Sequence[str] = ()) -> dict[str, Any]:
    """The node of an object: the name of its class and the arguments of its constructor, except the ``given`` ones.

    Raises:
        NotDescribed: the class cannot be imported by its name, or its arguments are not known.
    """
    if isinstance(thing, functools.partial):
        if thing.args or not isinstance(thing.func, type):
            raise NotDescribed(f"{thing} is not a class with named arguments")
        return {"_target_": _name(thing.func), **{name: _plain(value) for name, value in thing.keywords.items()}}
    if isinstance(thing, type):
        return {"_target_": _name(thing)}
    arguments = {name: value for name, value in _arguments(thing).items() if name not in given}
    return {"_target_": _name(type(thing)), **{name: _plain(value) for name, value in arguments.items()}}


def build(node: Mapping[str, Any], **known: Any) -> Any:
    """The object of a checked node; its constructor also gets the ``known`` arguments."""
    constructor = find(node["_target_"])
    hints = hints_of(constructor)
    arguments = instantiated(given_arguments(node))
    for name, value in arguments.items():
        if isinstance(value, list) and (typing.get_origin(hints.get(name)) is tuple or name == "image_shape"):
            arguments[name] = tuple(value)
    return constructor(**known, **arguments)


def load_game(
    cls: type[GameModule], path: Any, map_location: Any, *, trust: Sequence[str], strict: bool, parts: Mapping[str, Any]
) -> Any:
    """The game of a checkpoint: see `GAN.load_from_checkpoint`."""
    checkpoint = load_any(Path(path))
    if "game" not in checkpoint or "state_dict" not in checkpoint:
        raise CheckpointError(f"{path}: not a checkpoint of gan.GAN")
    description = checkpoint.get("description", {})
    try:
        if unknown := list(unknown_keys("load_from_checkpoint", parts, parameters_of(cls))):
            raise ConfigError("\n".join(unknown))
        settings = checkpoint.get(GameModule.CHECKPOINT_HYPER_PARAMS_KEY, {})
        for saved in (settings, description):
            check_literal(saved, "a checkpoint")
        with isolate_rng():
            if "model" in settings:
                game = _game_of_run(settings, description, trust, parts)
            else:
                game = _game_of_parts(cls, description, trust, dict(parts))
    except GanError as error:
        raise type(error)(f"{path}: {error}") from error
    game.on_load_checkpoint(checkpoint)
    try:
        game.load_state_dict(checkpoint["state_dict"], strict=strict)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return game if map_location is None else game.to(map_location)


def _game_of_run(
    settings: Mapping[str, Any], images: Mapping[str, Any], trust: Sequence[str], parts: Mapping[str, Any]
) -> GameModule:
    if parts:
        raise ConfigError(f"{', '.join(parts)} given, but the checkpoint of a run describes all parts")
    settings = in_this_version(settings)
    groups = ("data", "model", "optimizer", "game", *PARTS)
    _check_trust({name: settings.get(name) for name in groups}, trust)
    problems = [*data_problems(settings["data"]), *model_problems(settings["model"])]
    problems += optimizer_problems(settings["optimizer"])
    problems += [line for group in ("game", *PARTS) for line in part_problems(group, settings.get(group))]
    if problems:
        raise ConfigError("\n".join(problems))
    if set(IMAGES) <= images.keys():
        known = {**images, "image_shape": tuple(images["image_shape"])}
        data: Any = types.SimpleNamespace(**known)
    else:  # earlier versions did not save it
        data = build_data(settings)
        data.setup()
    return build_game(settings, data)


def _game_of_parts(
    cls: type[GameModule], description: Mapping[str, Any], trust: Sequence[str], parts: dict[str, Any]
) -> GameModule:
    """The game of a description that `describe` has made; ``parts`` are used instead of those in it."""
    names = (*NETWORKS, *PARTS, *OF_GAME, "game")
    game_node = updated({"game": description.get("game")})["game"]
    described = {**description, "game": game_node}
    if isinstance(game_node, Mapping):  # of an earlier version: its noise and losses are in this node
        inner = {name: game_node[name] for name in OF_GAME if name in game_node}
        described |= {"game": {name: value for name, value in game_node.items() if name not in inner}, **inner}
    nodes: dict[str, Any] = {name: described.get(name) for name in names if name not in parts}
    rules = {
        f"{name}_rule": node
        for name, node in description.get("optimizer", {}).items()
        if not parts.keys() & {"optimizer", f"{name}_rule"}
    }
    _check_trust({**nodes, **rules}, trust)
    problems = [line for name, node in nodes.items() for line in _problems(name, node)]
    problems += [line for name, node in rules.items() for line in _problems(name, node)]
    if problems:
        raise ConfigError("\n".join(problems))
    game = find(nodes["game"]["_target_"]) if nodes["game"] else cls
    made = {name: build(nodes[name]) for name in (*NETWORKS, *PARTS, *OF_GAME) if name != "ema" and nodes.get(name)}
    generator = parts.get("generator", made.get("generator"))
    if nodes.get("ema"):
        made["ema"] = build(nodes["ema"], network=generator)
    made |= {name: update_rule(node, "") for name, node in rules.items()}
    prior: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in description["prior"].items()
    }
    known = {
        "prior": Prior(**prior),
        "seed": description["seed"],
        "num_classes": description["num_classes"],
    }
    built: GameModule = game(**{**instantiated(given_arguments(nodes["game"] or {})), **known, **made, **parts})
    return built


def _problems(name: str, node: Any) -> Iterator[str]:
    """Problems of the node of a part: it is not known, or its class is not of the right kind."""
    if node is None and name in (*PARTS, *OF_GAME):
        return
    if isinstance(node, Mapping) and UNKNOWN in node:
        argument = "optimizer" if name.endswith("_rule") else name
        yield f"{name}: {node[UNKNOWN]}; give it: gan.GAN.load_from_checkpoint(PATH, {argument}=…)"
    elif name.endswith("_rule"):
        yield from node_problems(name, node, [kind("optimizer")], given=GIVEN["optimizer"], also=RULE_SETTINGS)
    else:
        base = OF_GAME[name] if name in OF_GAME else kind(f"model.{name}" if name in NETWORKS else name)
        given = GIVEN[name] if name in ("ema", "game") else ()
        yield from node_problems(name, node, [base], given=given)


def _check_trust(nodes: Mapping[str, Any], trust: Sequence[str]) -> None:
    def in_python(packages: Sequence[str]) -> str:
        return f"trust={json.dumps(list(packages))}"

    packages = trusted(trust)
    check_trust(list(untrusted(nodes, packages)), packages, in_python, "A checkpoint")


def _part(thing: Any) -> dict[str, Any] | None:
    """The node of a part of the game, or why there is none."""
    given = ("network",) if isinstance(thing, GeneratorAverage) else ()
    return None if thing is None else _known(lambda: node_of(thing, given))


def _known(node: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return node()
    except NotDescribed as error:
        return {UNKNOWN: str(error)}


def _rule(rule: UpdateRule) -> dict[str, Any]:
    """The node of a network's optimizer, with the settings of its rule."""
    node = _part(rule.optimizer)
    assert node is not None
    return node if UNKNOWN in node else {**node, "clip_norm": rule.clip_norm, "accumulate": rule.accumulate}


def _arguments(thing: Any) -> dict[str, Any]:
    recorded: dict[str, Any] | None = getattr(thing, "init_arguments", None)
    if recorded is not None:
        return recorded
    if type(thing).__init__ is object.__init__:
        return {}
    kinds = {parameter.kind for parameter in inspect.signature(type(thing).__init__).parameters.values()}
    names = list(parameters_of(type(thing)))
    missing = [name for name in names if not hasattr(thing, name)]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        raise NotDescribed(f"the checkpoint does not know the arguments of {type(thing).__qualname__}")
    if missing:
        raise NotDescribed(
            f"the checkpoint does not know '{missing[0]}' of {type(thing).__qualname__}, which has no attribute of "
            "this name"
        )
    return {name: getattr(thing, name) for name in names}


def _name(kind: type) -> str:
    if "<locals>" in kind.__qualname__:
        raise NotDescribed(f"{kind.__qualname__} is defined in a function, and cannot be imported")
    return f"{kind.__module__}.{kind.__qualname__}"


def _plain(value: Any) -> Any:
    """A value in plain containers; an object becomes a node."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor) and value.ndim == 0:
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Tensor | type) or callable(value):
        raise NotDescribed(f"the checkpoint cannot hold a {type(value).__name__} as a setting")
    return node_of(value)
