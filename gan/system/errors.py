"""Errors that a user can fix: one message and an exit code, no traceback."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MISTAKE = 2  # exit code for a user's error
CRASH = 1  # exit code for a bug, and for an error during training


class GanError(Exception):
    """An error that the user can fix: the message says what was given, what is allowed and what to do.

    The entry points (``gan.launch.hydra_job``, ``gan.commands.main``) print only the message and exit with its exit
    code. Any other exception is a bug and keeps its traceback.
    """

    exit_code = MISTAKE


class ConfigError(GanError):
    """A setting does not exist, has the wrong type or range, or contradicts another."""


class DataError(GanError):
    """A dataset is missing, broken or not what its name says."""


class BundleError(GanError):
    """A file of a trained generator is missing, broken or not a generator."""


class RunError(GanError):
    """An error during training: out of memory, disk full, values that are not finite."""

    exit_code = CRASH


def in_one_line(error: BaseException) -> str:
    """The class and the message of another library's or a user's own error, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def unknown_name(kind: str, given: str, allowed: Iterable[str]) -> str:
    """Return the message for an unknown name: what was given, the nearest valid name, all valid names."""
    choices = sorted(allowed)
    return f"{kind}: no such option '{given}'{nearest(given, choices)} choices: {', '.join(choices)}"


def unknown_setting(path: str, name: str, allowed: Iterable[str]) -> str:
    """Return the message for an unknown setting; ``name`` is the last part of its path."""
    names = sorted(allowed)
    shown = [name for name in names if not name.startswith("_")]
    if not shown:
        return f"{path}: no such setting; this option has no settings"
    near = nearest(name, names if name.startswith("_") else shown)
    return f"{path}: no such setting{near} settings: {', '.join(shown)}"


def unknown_keys(path: str, node: Mapping[str, Any], allowed: Iterable[str]) -> Iterator[str]:
    """Yield the message of `unknown_setting` for each key of a node that is not allowed."""
    names = list(allowed)
    for key in node:
        if key not in names:
            yield unknown_setting(f"{path}.{key}" if path else str(key), str(key), names)


def nearest(given: str, names: list[str]) -> str:
    """Return "; did you mean 'NAME'?" for the nearest name; ";" if none is near."""
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ";"


def counted(number: int, thing: str) -> str:
    """Format a number with its noun: "1 epoch", "2 epochs", "3 minibatches"."""
    plural = "es" if thing.endswith(("ch", "class")) and not thing.endswith("epoch") else "s"
    return f"{number:,} {thing}{'' if number == 1 else plural}"


def duration(seconds: float) -> str:
    """A time for the user: "55 s", "8 min 51 s", "2 h 4 min"."""
    whole = max(1, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def at_least_one(**settings: int) -> None:
    """Raise ConfigError for the first of these settings that is less than 1."""
    for name, value in settings.items():
        if value < 1:
            raise ConfigError(f"{name}: {value!r} given, 1 or more expected")
