"""What a ``_target_`` node may make: the kind of object that its place asks for, and nothing else.

A place is a group (``callbacks``) or an argument of what another node names (``trainer.profiler``). The kind of a group
is in ``KINDS``; the kind of an argument is its type hint. A node must name a class of that kind. It can never name a
function: what a function makes is known only after its call. ``Any``, a missing hint, ``Callable`` and plain values
(numbers, text) ask for no object, so a node there is refused. A check imports what a node names, and calls nothing.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

from gan.config.value_types import expected, hints_of, matches, mismatch
from gan.system.errors import unknown_keys

TRUSTED_PACKAGES = ("gan", "lightning", "torch")
KINDS = {
    "callbacks": "lightning.pytorch.Callback",
    "logger": "lightning.pytorch.loggers.Logger",
    "optimizer": "torch.optim.Optimizer",
    "trainer": "lightning.pytorch.Trainer",
}
# Hydra's own keys of a node, and the values that change nothing in what is made.
HYDRA_KEYS: dict[str, tuple[Any, ...]] = {
    "_recursive_": (True,),
    "_partial_": (False,),
    "_args_": ([],),
    "_convert_": ("none", "partial", "object", "all"),
}


def is_node(value: Any) -> bool:
    """True for what Hydra makes into an object."""
    return isinstance(value, Mapping) and "_target_" in value


def given_arguments(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node without its ``_target_`` and Hydra's own keys."""
    return {name: value for name, value in node.items() if name != "_target_" and name not in HYDRA_KEYS}


def node_problems(
    path: str,
    node: Any,
    kinds: Sequence[type],
    *,
    also: Iterable[str] = (),
    trusted: Sequence[str] = TRUSTED_PACKAGES,
) -> Iterator[str]:
    """What is wrong with a node that is to make one of ``kinds``: its class, and its arguments' names and types.

    Args:
        path: where the node is, as a user writes it.
        node: the place's value, in plain containers.
        kinds: base classes or protocols, of which one is enough.
        also: settings of the node that are no arguments of its class.
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
    """What is wrong with an argument by its type hint; also with the nodes in its lists and dicts."""
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
    """The arguments that the class of a node needs and is not given; nothing for what is no node of a class."""
    called = locate(node["_target_"]) if is_node(node) and isinstance(node["_target_"], str) else None
    if isinstance(called, type):
        for name, parameter in inspect.signature(called).parameters.items():
            named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if named and parameter.default is parameter.empty and name not in node:
                yield f"{path}.{name}: missing"


def locate(target: str) -> Callable[..., Any] | None:
    """What a dotted name stands for, found in the way in which Hydra finds it; None: nothing that can be called."""
    module, _, name = target.rpartition(".")
    top, *rest = target.split(".")
    if "__main__" in rest:  # whose import is a program's run
        return None
    try:
        import_module(module)
        found = functools.reduce(getattr, rest, import_module(top))
    except Exception:  # whatever the import of a module raises that was not written for this
        return None
    return found if name and callable(found) else None


def kind(place: str) -> type:
    """The class of which a node of this group must make one."""
    found = locate(KINDS[place])
    assert isinstance(found, type)
    return found


def kinds_of(hint: Any) -> tuple[type, ...]:
    """The classes that a type hint asks for, without those of plain values: () where no object is asked for."""
    return tuple(
        member
        for member in _members(hint)
        if isinstance(member, type) and member.__module__ not in ("builtins", "typing", "collections.abc")
    )


def is_a(called: Any, kinds: Sequence[type]) -> bool:
    """True for a class of one of these kinds; of a protocol's, by the methods that it has."""
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
            words = ", ".join(map(repr, allowed))
            yield f"{path}.{name}: {node[name]!r} given, {words} expected: a node makes an object, by named arguments"


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
    """The hint of the items of a list, or of the values of a dict; Any where the hint says none."""
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
