"""Commands and paths as they are printed: copied into a shell they mean what they say, whatever a folder is called."""

import os
import re
import shlex
from pathlib import Path

# What is a string to Hydra as it stands, and no number or the like.
PLAIN = re.compile(r"(?!\W*(\d|null|true|false|nan|inf))[\w./-]+", re.IGNORECASE | re.ASCII)


def command(*words: Path | str) -> str:
    """A command as it can be typed: words with spaces, `#` or quotes in them are quoted for the shell."""
    return shlex.join(map(str, words))


def train(*words: str) -> str:
    """The command ``python train.py …``."""
    return command("python", "train.py", *words)


def resume(folder: Path | str, *words: str) -> str:
    """The command that goes on with a run; the word ``resume=`` takes any folder as it is, but for its own words."""
    shown = short(folder)
    own = shown in ("auto", "null") or shown[0] in "'\""
    return train(f"resume={'./' if own else ''}{shown}", *words)


def override(name: str, value: Path | str) -> str:
    """``name=value`` as Hydra reads it: a value that its grammar could take apart is in quotes."""
    return f"{name}={value if PLAIN.fullmatch(str(value)) else quoted(value)}"


def quoted(value: Path | str) -> str:
    """A string in quotes, as Hydra's grammar has them: backslashes before a quote are doubled, others are not.

    In double quotes: a shell takes these in its single quotes, as `command` prints them.
    """
    text = re.sub(r'(\\*)(?="|$)', r"\1\1", str(value)).replace('"', '\\"')
    return f'"{text}"'


def unquoted(text: str) -> str:
    """A value as Hydra would read it where it stands in quotes; any other as it is."""
    if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0]:
        return text
    escaped = re.compile(rf"(\\*)(?:\\({text[0]})|$)")
    return escaped.sub(lambda found: found[1][: len(found[1]) // 2] + (found[2] or ""), text[1:-1])


def short(path: Path | str) -> str:
    """A path relative to the working folder where that is shorter; never one that a command takes for an option."""
    shown = min(str(path), os.path.relpath(path), key=len)
    return f"./{shown}" if shown.startswith("-") else shown
