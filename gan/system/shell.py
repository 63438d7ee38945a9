"""Shell and Hydra quoting: printed commands and paths can be copied into a shell, whatever the name of a folder."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from gan.system import process

# Values that Hydra reads as a string without quotes, not as a number, a boolean or null.
PLAIN = re.compile(r"(?!\W*(\d|null|true|false|nan|inf))[\w./-]+", re.IGNORECASE | re.ASCII)
FLAGS_WITH_VALUE = (
    *("--config-path", "-cp", "--config-dir", "-cd", "--config-name", "-cn", "--package", "-p"),
    *("--cfg", "-c", "--info", "-i"),
)


def command(*words: Path | str) -> str:
    """Return a command as it can be typed: words with spaces, `#` or quotes are quoted for the shell."""
    return shlex.join(map(str, words))


def train(*words: str) -> str:
    """Return the command ``python train.py …``, or ``gan train …`` in a process that `gan` has started."""
    return typed([*(process.GAN_TRAIN if process.is_of_gan() else ["train.py"]), *words])


def typed(recorded: Sequence[str]) -> str:
    """Return a recorded command (`gan.system.process.user_command`) as it can be typed."""
    return command(*recorded) if recorded[:1] == process.GAN_TRAIN[:1] else command("python", *recorded)


def as_started(text: str) -> str:
    """Return a text with ``gan train`` for ``python train.py`` if `gan` has started this process; columns stay."""
    if not process.is_of_gan():
        return text
    old, new = typed(["train.py"]), command(*process.GAN_TRAIN)
    in_column = re.sub(rf"{re.escape(old)}( .*?)(?=  )", rf"{new}\1{' ' * (len(old) - len(new))}", text)
    return in_column.replace(old, new)


def resume(folder: Path | str, *words: str) -> str:
    """Return the command that resumes a run; ``resume=`` takes any folder unquoted, except its values auto and null."""
    shown = short(folder)
    own = shown in ("auto", "null") or shown[0] in "'\""
    return train(f"resume={'./' if own else ''}{shown}", *words)


def override(name: str, value: Path | str) -> str:
    """Return ``name=value`` for Hydra; the value is quoted if Hydra's grammar could split it."""
    return f"{name}={value if PLAIN.fullmatch(str(value)) else quoted(value)}"


def quoted(value: Path | str) -> str:
    """Quote a string by Hydra's grammar: only backslashes before a quote are doubled.

    The quotes are double quotes, because `command` prints single quotes around them for the shell.
    """
    text = re.sub(r'(\\*)(?="|$)', r"\1\1", str(value)).replace('"', '\\"')
    return f'"{text}"'


def unquoted(text: str) -> str:
    """Unquote a value as Hydra does; return a value without quotes unchanged."""
    if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0]:
        return text
    escaped = re.compile(rf"(\\*)(?:\\({text[0]})|$)")
    return escaped.sub(lambda found: found[1][: len(found[1]) // 2] + (found[2] or ""), text[1:-1])


def short(path: Path | str) -> str:
    """Return a path, relative to the working folder if that is shorter, and never one that looks like an option."""
    shown = min(str(path), os.path.relpath(path), key=len)
    return f"./{shown}" if shown.startswith("-") else shown


def divided(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split words into flags with their values, and overrides."""
    flags: list[str] = []
    settings: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        (flags if word.startswith("-") or before in FLAGS_WITH_VALUE else settings).append(word)
    return flags, settings
