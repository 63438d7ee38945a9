"""Checks of ``_target_`` nodes: a node must name a class of the kind that its position expects.

A position is a group (``penalty``) or an argument of another node's class (``trainer.profiler``). The kind of a group
is in ``KINDS``; the kind of an argument is its type hint. A class must be a subclass of the kind; a function must say
by its return annotation that it makes one. At positions with the hint ``Any``, ``Callable``, a plain type, or no hint,
nodes are refused. A check imports what a node names, and calls nothing.

What the user types, or keeps in a folder of configurations, may come from any package. A run folder or a bundle may
come from anyone: without the user's trust it imports only gan, lightning and torch (`gan.config.trust`).
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

from gan.system.errors import in_one_line, nearest, unknown_keys
from gan.system.trust import OWN_PACKAGES, is_below
from gan.system.value_types import expected, hints_of, parameters_of, problem

NONE = "gan.game.none"  # makes nothing: the option `none` of a group
KINDS = {
    "trainer": "lightning.pytorch.Trainer",
    "callbacks": "lightning.pytorch.Callback",
    "logger": "lightning.pytorch.loggers.Logger",
    "game": "gan.training.module.GAN",
    "model": "gan.game.networks.Networks",
    "model.generator": "torch.nn.Module",
    "model.discriminator": "torch.nn.Module",
    "objective": "gan.game.losses.Objective",
    "penalty": "gan.game.penalties.Penalty",
    "augmentation": "gan.game.augmentation.Augmentation",
    "optimizer": "torch.optim.Optimizer",
    "lr_schedule": "gan.game.learning_rates.LRSchedule",
    "schedule": "gan.game.schedules.Schedule",
    "ema": "gan.game.ema.GeneratorAverage",
    "data": "gan.data.module.ImageData",
}
# Groups of a recipe, in the order in which they are shown.
RECIPE = ("objective", "penalty", "augmentation", "optimizer", "lr_schedule", "schedule", "ema")
PARTS = tuple(group for group in RECIPE if group != "optimizer")  # those whose object is an argument of `gan.GAN`
MAY_BE_NONE = ("penalty", "augmentation", "ema")
IMAGES = ("image_shape", "num_classes")
# Arguments that the program gives, which are no settings.
GIVEN: dict[str, tuple[str, ...]] = {
    "model": ("generator", "discriminator"),
    "model.generator": ("latent_dim", "clusters", *IMAGES),
    "model.discriminator": (*IMAGES, "categorical_codes", "continuous_codes"),
    "augmentation": ("pixels",),
    "ema": ("network",),
    "optimizer": ("params",),
    "data": ("seed", "source"),
    "game": (
        *("generator", "discriminator", "prior", *PARTS),
        *("seed", "optimizer", "generator_rule", "discriminator_rule", "num_classes", "settings"),
    ),
}
LOOKED_FOR = " on Python's path (PYTHONPATH=FOLDER adds a folder to it; only training looks in the current folder)"
# Keys of a node for Hydra itself, and their allowed values, which do not change the object.
HYDRA_KEYS: dict[str, tuple[Any, ...]] = {
    "_recursive_": (True,),
    "_partial_": (False,),
    "_args_": ([],),
    "_convert_": ("none", "partial", "object", "all"),
}


class NotFound(LookupError):
    """The target of a node does not exist, or cannot be imported; the message says why."""


def is_node(value: Any) -> bool:
    """Whether Hydra makes an object from the value."""
    return isinstance(value, Mapping) and "_target_" in value


def given_arguments(node: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a node, without ``_target_`` and Hydra's keys."""
    return {name: value for name, value in node.items() if name != "_target_" and name not in HYDRA_KEYS}


def node_problems(
    path: str,
    node: Any,
    kinds: Sequence[type],
    *,
    given: Iterable[str] = (),
    also: Iterable[str] = (),
    may_be_none: bool = False,
) -> Iterator[str]:
    """Problems of a node that should make an object of one of ``kinds``: its class, names and types of arguments.

    Args:
        path: path of the node, as typed by the user.
        node: the node in plain containers.
        kinds: allowed base classes.
        given: arguments that the program gives, which are no settings.
        also: settings of the node that are not arguments of its class.
        may_be_none: the node may also make nothing (``NONE``).
    """
    if not (is_node(node) and isinstance(node["_target_"], str)):
        given_value = "" if isinstance(node, Mapping) and "_target_" not in node else f"{node!r} given, "
        yield f"{path}: {given_value}a node with a _target_ expected"
        return
    target = node["_target_"]
    try:
        called = find(target)
    except NotFound as error:
        yield f"{path}._target_: {error}"
        return
    is_own_function = inspect.isroutine(called) and is_below(target, OWN_PACKAGES)  # torch has functions that run code
    if not ((is_a(called, kinds) and not is_own_function) or (may_be_none and target == NONE)):
        yield f"{path}._target_: '{target}' given, {_a(kinds)} expected"
        return
    if inspect.isabstract(called):
        missing = ", ".join(sorted(getattr(called, "__abstractmethods__", ())))
        yield f"{path}._target_: '{target}' given, which does not implement {missing}"
        return
    yield from _hydra_key_problems(path, node, also)
    names = [name for name in parameters_of(called) if name not in given]
    yield from unknown_keys(path, node, [*names, *also, *HYDRA_KEYS, "_target_"])
    hints = hints_of(called)
    for name, value in given_arguments(node).items():
        if name not in also and name in names:
            yield from argument_problems(f"{path}.{name}", value, hints.get(name, Any))


def argument_problems(path: str, value: Any, hint: Any) -> Iterator[str]:
    """Problems of an argument by its type hint, and of the nodes in its lists and dicts."""
    if is_node(value):
        kinds = kinds_of(hint)
        if kinds:
            yield from node_problems(path, value, kinds)
            yield from missing_arguments(path, value)
        else:
            asked = "a plain value" if hint is Any else expected(None, hint)
            yield f"{path}: a node with _target_ '{value['_target_']}' given, {asked} expected"
    elif not _has_nodes(value):
        if found := problem(path, value, hint):
            yield found
    else:
        inner = _inner_hint(hint, type(value))
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in pairs:
            where = f"{path}.{key}" if isinstance(value, Mapping) else f"{path}[{key}]"
            yield from argument_problems(where, item, inner)


def missing_arguments(path: str, node: Any, given: Iterable[str] = ()) -> Iterator[str]:
    """One message for each required argument that a node lacks; none if the value is not a node of a class."""
    called = locate(node["_target_"]) if is_node(node) and isinstance(node["_target_"], str) else None
    if called is None or node["_target_"] == NONE:
        return
    for name, parameter in parameters_of(called).items():
        if parameter.default is parameter.empty and name not in node and name not in given:
            yield f"{path}.{name}: missing"


def find(target: str) -> Callable[..., Any]:
    """The callable of a dotted name, found as by Hydra.

    Raises:
        NotFound: there is none, or its module cannot be imported.
    """
    module, _, _ = target.rpartition(".")
    top, *rest = target.split(".")
    if not module or not all(part.isidentifier() for part in (top, *rest)):
        raise NotFound(f"'{target}' given, a dotted name such as package.module.Class expected")
    if "__main__" in rest:  # its import would run a program
        raise NotFound(f"there is no '{target}'")
    for depth in range(len(rest), 0, -1):
        name = ".".join((top, *rest[: depth - 1]))
        try:
            found = import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")) and depth > 1:
                continue
            where = "" if error.name in OWN_PACKAGES or error.name != top else LOOKED_FOR
            raise NotFound(f"'{target}' given, and there is no module '{error.name}'{where}") from None
        except (Exception, SystemExit) as error:  # any error of an imported module
            raise NotFound(f"'{target}' cannot be imported: {in_one_line(error)}") from error
        return _attribute(target, found, rest[depth - 1 :])
    raise AssertionError("not reached")


def _attribute(target: str, module: Any, names: Sequence[str]) -> Callable[..., Any]:
    found = module
    for name in names:
        if not hasattr(found, name):
            where = getattr(found, "__name__", type(found).__name__)
            near = nearest(name, [other for other in dir(found) if not other.startswith("_")]).rstrip(";")
            raise NotFound(f"'{target}' given, and {where} has no '{name}'{near}")
        found = getattr(found, name)
    if not callable(found):
        raise NotFound(f"'{target}' given, which is a {type(found).__name__}; a class expected")
    return typing.cast(Callable[..., Any], found)


def locate(target: str) -> Callable[..., Any] | None:
    """As `find`; None if there is none."""
    try:
        return find(target)
    except NotFound:
        return None


def kind(place: str) -> type:
    """The base class for nodes of a group."""
    found = locate(KINDS[place])
    assert isinstance(found, type)
    return found


def kinds_of(hint: Any) -> tuple[type, ...]:
    """The classes of a type hint without plain types; () if it does not expect an object."""
    return tuple(
        member
        for member in _members(hint)
        if isinstance(member, type) and member.__module__ not in ("builtins", "typing", "collections.abc")
    )


def is_a(called: Any, kinds: Sequence[type]) -> bool:
    """Whether a class, or what a function returns by its annotation, is a subclass of one of these kinds.

    For a protocol: whether it has its methods.
    """
    if inspect.isroutine(called):
        called = hints_of(called).get("return")
    return isinstance(called, type) and any(
        _has_methods(called, kind) if getattr(kind, "_is_protocol", False) else issubclass(called, kind)
        for kind in kinds
    )


def _has_methods(called: type, protocol: type) -> bool:
    asked = {
        name
        for base in protocol.__mro__
        if getattr(base, "_is_protocol", False)
        for name, value in vars(base).items()
        if inspect.isfunction(value) and (not name.startswith("_") or name == "__call__")
    }
    return bool(asked) and all(any(name in vars(base) for base in called.__mro__) for name in asked)


def _hydra_key_problems(path: str, node: Mapping[str, Any], also: Iterable[str]) -> Iterator[str]:
    for name, allowed in HYDRA_KEYS.items():
        if name in node and name not in also and node[name] not in allowed:
            values = ", ".join(map(repr, allowed))
            yield f"{path}.{name}: {node[name]!r} given, {values} expected: a node makes an object, by named arguments"


def _has_nodes(value: Any) -> bool:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return is_node(value) or any(map(_has_nodes, items))


def _members(hint: Any) -> Iterator[Any]:
    """The members of a union, or the hint itself."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        for member in typing.get_args(hint):
            yield from _members(member)
    elif origin is Annotated:
        yield from _members(typing.get_args(hint)[0])
    else:
        yield hint


def _inner_hint(hint: Any, container: type) -> Any:
    """The hint of the items of a list, or of the values of a dict; Any if there is none."""
    found = []
    for member in _members(hint):
        origin, arguments = typing.get_origin(member), [a for a in typing.get_args(member) if a is not Ellipsis]
        if isinstance(origin, type) and issubclass(container, origin) and arguments:
            found.append(arguments[-1])
        elif origin is tuple and container is list:
            found.extend(arguments)
    return typing.Union[tuple(found)] if found else Any  # noqa: UP007  # from a list


def _a(kinds: Sequence[type]) -> str:
    names = (kind.__name__ for kind in kinds)
    return " or ".join(f"{'an' if name.startswith(('A', 'E', 'I', 'LR', 'O')) else 'a'} {name}" for name in names)
