"""Errors of ranks: each rank writes its error to a file, and the launcher prints the first one once."""

import json
import os
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from gan.system import process
from gan.system.errors import CRASH, GanError

LOST_PARTNER = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "DistNetworkError")


class RankError(NamedTuple):
    """Error report of one rank."""

    time: int  # nanoseconds
    rank: int
    exit_code: int
    text: str
    error: str  # in one line, for run.json


def leave(error: Exception, *, full: bool = False) -> int:
    """Write the error that ends this rank to a file for the launcher, and return its exit code.

    Only the first error of a process is kept: later ones may be consequences.

    Args:
        full: include a traceback also for a user's error.
    """
    if isinstance(error, GanError) and not full:
        exit_code, text = error.exit_code, str(error)
    else:
        exit_code, text = CRASH, "".join(traceback.format_exception(error)).rstrip()
    folder = process.current().errors
    assert folder is not None
    file = Path(folder) / os.environ["RANK"]
    if not file.exists():
        content: dict[str, Any] = {"time": time.time_ns(), "exit_code": exit_code, "text": text}
        content["error"] = in_a_line(error)
        unfinished = file.with_suffix(".tmp")
        unfinished.write_text(json.dumps(content))
        unfinished.rename(file)
    return exit_code


def first(folder: Path) -> RankError | None:
    """Return the error of the rank that failed first; None if there is none yet."""
    files = [path for path in folder.iterdir() if path.suffix != ".tmp"]
    return min((RankError(rank=int(path.name), **json.loads(path.read_text())) for path in files), default=None)


def is_lost_partner(text: str) -> bool:
    """True if an error's text says that an exchange with another process has failed."""
    return any(word in text for word in LOST_PARTNER)


def in_a_line(error: Exception) -> str:
    """Return the class of an error and the first line of its message, 300 characters at most."""
    line = (str(error).strip().splitlines() or [""])[0][:300]
    return f"{type(error).__name__}: {line}"
