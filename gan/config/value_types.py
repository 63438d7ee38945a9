"""Comparison of configuration values with type hints, and descriptions of types for messages."""

import inspect
import math
import types
import typing
from collections.abc import Callable
from typing import Any

from gan.system import shell

WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a word",
    list: "a list",
    type(None): "null",
}


LIMIT = 2**63


def hints_of(called: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.getattr_static(called, "__init__") if inspect.isclass(called) else called)
    except (NameError, TypeError):  # hints with names that are imported for type checkers only
        return {}


def is_int(value: Any) -> bool:
    """Whether the value is an integer of at most 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -LIMIT <= value < LIMIT


def matches(value: Any, hint: Any) -> bool:
    """Whether a plain value fits the type; True for types that are not supported here."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(matches(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(matches(item, arguments[0]) for item in value)
    if origin is tuple and Ellipsis not in arguments:
        return isinstance(value, list) and len(value) == len(arguments) and all(map(matches, value, arguments))
    if hint is int:
        return is_int(value)
    if hint is float:
        return (is_int(value) or isinstance(value, float)) and math.isfinite(value)
    return isinstance(value, hint) if isinstance(hint, type) and origin is None and hint is not Any else True


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
    as_text = f", as text: {shell.command(shell.override(path, text))}" if is_text else ""
    return f"{path}: {value!r} given, {expected(value, hint)} expected{as_text}"


def _describe(hint: Any) -> str:
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        describable = [argument for argument in arguments if argument in WORDS or typing.get_origin(argument)]
        return " or ".join(dict.fromkeys(_describe(argument) for argument in describable or arguments))
    if origin is typing.Literal:
        return ", ".join(str(argument) for argument in arguments)
    if origin is list:
        return f"a list of {WORDS.get(arguments[0], 'a value').removeprefix('a ')}s"
    if origin is tuple:
        return f"a list of {len(arguments)}: {', '.join(map(_describe, arguments))}"
    return WORDS.get(hint, getattr(hint, "__name__", str(hint)))
