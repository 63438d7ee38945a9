"""Checks of ``_target_`` nodes: a node must name a class of the type that its position expects.

A position is a group (``callbacks``) or an argument of another node's class (``trainer.profiler``). The type of a group
is in ``KINDS``; the type of an argument is its type hint. A node cannot name a function, because the type of its result
is unknown before the call. At positions with the hint ``Any``, ``Callable``, a plain type, or no hint, nodes are
refused. A check imports the named class, and calls nothing.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

from gan.system.errors import unknown_keys
from gan.system.value_types import expected, hints_of, matches, mismatch

TRUSTED_PACKAGES = ("gan", "lightning", "torch")
KINDS = {
    "callbacks": "lightning.pytorch.Callback",
    "logger": "lightning.pytorch.loggers.Logger",
    "optimizer": "torch.optim.Optimizer",
    "trainer": "lightning.pytorch.Trainer",
}
# Keys of a node for Hydra itself, and their allowed values, which do not change the object.
HYDRA_KEYS: dict[str, tuple[Any, ...]] = {
    "_recursive_": (True,),
    "_partial_": (False,),
    "_args_": ([],),
    "_convert_": ("none", "partial", "object", "all"),
}


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
    also: Iterable[str] = (),
    trusted: Sequence[str] = TRUSTED_PACKAGES,
) -> Iterator[str]:
    """Problems of a node that should make an object of one of ``kinds``: its class, names and types of arguments.

    Args:
        path: path of the node, as typed by the user.
        node: the node in plain containers.
        kinds: allowed base classes or protocols.
        also: settings of the node that are not arguments of its class.
        trusted: packages that may be imported.
    """
    if not (is_node(node) and isinstance(node["_target_"], str)):
        yield f"{path}: a node with a _target_ expected"
        return
    target = node["_target_"]
    if target.split(".")[0] not in trusted:
        yield f"{path}._target_: '{target}' given, something from {', '.join(trusted)} expected"
        return
    called = locate(target)
    if called is None:
        yield f"{path}._target_: there is no '{target}'"
        return
    if not is_a(called, kinds):
        yield f"{path}._target_: '{target}' given, {_a(kinds)} expected"
        return
    if inspect.isabstract(called):
        yield f"{path}._target_: '{target}' given, which is abstract; a class made from it expected"
        return
    yield from _hydra_key_problems(path, node, also)
    yield from unknown_keys(path, node, [*inspect.signature(called).parameters, *also, *HYDRA_KEYS, "_target_"])
    hints = hints_of(called)
    for name, value in given_arguments(node).items():
        if name not in also:
            yield from argument_problems(f"{path}.{name}", value, hints.get(name, Any), trusted=trusted)


def argument_problems(path: str, value: Any, hint: Any, *, trusted: Sequence[str] = TRUSTED_PACKAGES) -> Iterator[str]:
    """Problems of an argument by its type hint, and of the nodes in its lists and dicts."""
    if is_node(value):
        kinds = kinds_of(hint)
        if kinds:
            yield from node_problems(path, value, kinds, trusted=trusted)
            yield from missing_arguments(path, value)
        else:
            asked = "a plain value" if hint is Any else expected(None, hint)
            yield f"{path}: a node with _target_ '{value['_target_']}' given, {asked} expected"
    elif not _has_nodes(value):
        if not matches(value, hint):
            yield mismatch(path, value, hint)
    else:
        inner = _inner_hint(hint, type(value))
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in pairs:
            where = f"{path}.{key}" if isinstance(value, Mapping) else f"{path}[{key}]"
            yield from argument_problems(where, item, inner, trusted=trusted)


def missing_arguments(path: str, node: Any) -> Iterator[str]:
    """One message for each required argument that a node lacks; none if the value is not a node of a class."""
    called = locate(node["_target_"]) if is_node(node) and isinstance(node["_target_"], str) else None
    if isinstance(called, type):
        for name, parameter in inspect.signature(called).parameters.items():
            named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if named and parameter.default is parameter.empty and name not in node:
                yield f"{path}.{name}: missing"


def locate(target: str) -> Callable[..., Any] | None:
    """The callable of a dotted name, found as by Hydra; None if there is none."""
    module, _, name = target.rpartition(".")
    top, *rest = target.split(".")
    if "__main__" in rest:  # its import would run a program
        return None
    try:
        import_module(module)
        found = functools.reduce(getattr, rest, import_module(top))
    except Exception:  # any error of an imported module
        return None
    return found if name and callable(found) else None


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
    """Whether a class is a subclass of one of these kinds; for a protocol, whether it has its methods."""
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
    return " or ".join(f"a {kind.__name__}" for kind in kinds)
