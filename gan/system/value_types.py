"""Comparison of configuration values with type hints, and descriptions of types for messages."""

import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from gan.system import shell
from gan.system.errors import ConfigError, unknown_name
from gan.system.ranges import OneOf, SomeOf

WORDS = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "a string",
    list: "a list",
    type(None): "null",
}


LIMIT = 2**63


def parameters_of(called: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a callable, with those that ``**kwargs`` of a constructor passes on to its base classes.

    Of a base class these are the ones that can be left out, or that are keyword-only: the constructor itself gives the
    others. A `functools.partial` has the parameters of its function that it does not give.
    """
    if isinstance(called, functools.partial):
        return {name: each for name, each in parameters_of(called.func).items() if name not in called.keywords}
    found: dict[str, inspect.Parameter] = {}
    for depth, constructor in enumerate(_constructors(called)):
        try:
            parameters = dict(inspect.signature(constructor).parameters)
        except ValueError:  # a function that is not written in Python
            break
        if constructor is not called:
            parameters.pop(next(iter(parameters)), None)  # self
        takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        for name, parameter in parameters.items():
            is_given = (
                depth > 0 and parameter.default is parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY
            )
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and not is_given:
                found.setdefault(name, parameter)
        if not takes_more:
            break
    return found


def _constructors(called: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """The function that is called; for a class, the ``__init__`` of the class and then of its base classes."""
    if not inspect.isclass(called):
        yield called
        return
    for base in called.__mro__:
        if base is not object and inspect.isfunction(vars(base).get("__init__")):
            yield vars(base)["__init__"]


def hints_of(called: Callable[..., Any]) -> dict[str, Any]:
    """The type hints of a callable's parameters, with the ranges of `gan.system.ranges`."""
    if isinstance(called, functools.partial):
        called = called.func
    hints: dict[str, Any] = {}
    for constructor in _constructors(called):
        try:
            hints = {**typing.get_type_hints(constructor, include_extras=True), **hints}
        except (NameError, TypeError):  # hints with names that are imported for type checkers only
            continue
    return hints


def check_objects(**arguments: object) -> None:
    """Check that no argument is a name, a number or a class, where an object is expected.

    Raises:
        ConfigError: one of them is.
    """
    for name, value in arguments.items():
        if isinstance(value, type):
            raise ConfigError(f"{name}: the class {value.__name__} given, an object expected: {value.__name__}(…)")
        if isinstance(value, str | int | float):
            raise ConfigError(f"{name}: {value!r} given, an object expected")


def is_int(value: Any) -> bool:
    """Whether the value is an integer of at most 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -LIMIT <= value < LIMIT


def matches(value: Any, hint: Any) -> bool:
    """Whether a plain value fits the type, without its range; True for types that are not supported here."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return matches(value, arguments[0])
    if origin in (typing.Union, types.UnionType):
        return any(matches(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin in (list, Sequence):
        return isinstance(value, list | tuple) and all(matches(item, arguments[0]) for item in value)
    if origin is tuple and arguments[-1:] == (Ellipsis,):
        return isinstance(value, list | tuple) and all(matches(item, arguments[0]) for item in value)
    if origin is tuple:
        return isinstance(value, list | tuple) and len(value) == len(arguments) and all(map(matches, value, arguments))
    if origin in (dict, Mapping) and len(arguments) == 2:
        return isinstance(value, Mapping) and all(matches(item, arguments[1]) for item in value.values())
    if hint is int:
        return is_int(value)
    if hint is float:
        return (is_int(value) or isinstance(value, float)) and math.isfinite(value)
    return isinstance(value, hint) if isinstance(hint, type) and origin is None and hint is not Any else True


def problem(path: str, value: Any, hint: Any) -> str | None:
    """The message for a value of a wrong type or out of its range; None if it is valid.

    Args:
        path: path of the setting, as typed by the user.
        hint: type hint, with ranges as ``Annotated``.
    """
    choices = choices_of(hint)
    if not matches(value, hint):
        if isinstance(value, str) and _has_only(choices, hint):
            return unknown_name(path, value, choices)
        return f"{path}: {value!r} given, {expected(value, hint)} expected" if choices else mismatch(path, value, hint)
    if is_in_range(value, hint):
        return None
    listed = next((rule.choices for rule in typing.get_args(hint)[1:] if isinstance(rule, SomeOf)), ())
    if unknown := [word for word in value if word not in listed] if listed else []:
        return unknown_name(path, str(unknown[0]), listed)
    return unknown_name(path, str(value), choices) if choices else f"{path}: {value!r} given, {allowed(hint)} expected"


def is_in_range(value: Any, hint: Any) -> bool:
    """Whether a value of the hint's type is in its range; for a list, also whether each item is."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        rules = [rule for rule in arguments[1:] if hasattr(rule, "allows")]
        return is_in_range(value, arguments[0]) and all(rule.allows(value) for rule in rules)
    if origin in (typing.Union, types.UnionType):
        return any(matches(value, argument) and is_in_range(value, argument) for argument in arguments)
    if origin in (list, Sequence, tuple) and arguments and isinstance(value, list | tuple):
        items = arguments if origin is tuple and arguments[-1] is not Ellipsis else [arguments[0]] * len(value)
        return all(map(is_in_range, value, items))
    return True


def allowed(hint: Any) -> str:
    """A description of the range of a hint, such as "greater than 0"; "" if it has none."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        rules = [str(rule) for rule in arguments[1:] if hasattr(rule, "allows") and not isinstance(rule, OneOf)]
        inner = allowed(arguments[0])
        return ", ".join([*rules, *([inner] if inner else [])])
    if origin in (typing.Union, types.UnionType):
        described = ", ".join(filter(None, map(allowed, arguments)))
        return f"{described}, or null" if described and type(None) in arguments else described
    if origin in (list, Sequence, tuple) and arguments:
        each = allowed(arguments[0])
        return f"each {each}" if each else ""
    return ""


def choices_of(hint: Any) -> tuple[str, ...]:
    """The allowed words of a hint; () if it does not list them."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return tuple(argument for argument in arguments if isinstance(argument, str))
    if origin is Annotated:
        listed = (rule.choices for rule in arguments[1:] if isinstance(rule, OneOf))
        return next(listed, ()) or choices_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        found = tuple(choice for argument in arguments for choice in choices_of(argument))
        return (*found, "null") if found and type(None) in arguments else found
    return ()


def _has_only(choices: tuple[str, ...], hint: Any) -> bool:
    """Whether these words, and null, are all that a hint allows."""
    others: tuple[Any, ...] = (True, 1, 0.5, [])
    return bool(choices) and not any(matches(value, hint) for value in others)


class Checked:
    """Checks the arguments of its constructor against their type hints and ranges: in Python as in a configuration.

    Raises:
        ConfigError: with one line for each value that is not allowed.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        hints = hints_of(cls)
        names = [name for name in inspect.signature(cls.__init__).parameters if name != "self"]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        found = (
            problem(f"{cls.__name__}.{name}", value, hints[name]) for name, value in given.items() if name in hints
        )
        if lines := [line for line in found if line]:
            raise ConfigError("\n".join(lines))
        return super().__new__(cls)


def expected(value: Any, hint: Any) -> str:
    """A description of the expected type, for the message about a value."""
    if isinstance(value, float) and not math.isfinite(value) and matches(0.5, hint):
        return "a finite number"
    numbers = value if isinstance(value, list) else [value]
    if any(isinstance(number, int) and not -LIMIT <= number < LIMIT for number in numbers):
        return f"{_describe(hint)} of at most 18 digits"
    return _describe(hint)


def mismatch(path: str, value: Any, hint: Any) -> str:
    """The message for a value of a wrong type; for a number, also how to give it as text."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    is_text = matches("", hint) and isinstance(value, bool | int | float) and math.isfinite(value)
    as_text = f"; to give it as a string: {shell.command(shell.override(path, text))}" if is_text else ""
    return f"{path}: {value!r} given, {expected(value, hint)} expected{as_text}"


def _describe(hint: Any) -> str:
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin is Annotated:
        listed = choices_of(hint)
        return f"one of {', '.join(listed)}" if listed else _describe(arguments[0])
    if origin in (typing.Union, types.UnionType):
        describable = [argument for argument in arguments if argument in WORDS or typing.get_origin(argument)]
        return " or ".join(dict.fromkeys(_describe(argument) for argument in describable or arguments))
    if origin is typing.Literal:
        return ", ".join(str(argument) for argument in arguments)
    if origin in (list, Sequence) or (origin is tuple and arguments[-1:] == (Ellipsis,)):
        return f"a list of {_describe(arguments[0]).removeprefix('an ').removeprefix('a ')}s"
    if origin in (dict, Mapping):
        return "settings by name"
    if origin is tuple:
        return f"a list of {len(arguments)}: {', '.join(map(_describe, arguments))}"
    return "a value" if hint is Any else WORDS.get(hint, getattr(hint, "__name__", str(hint)))
