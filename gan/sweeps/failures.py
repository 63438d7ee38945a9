"""The word that a point of a sweep leaves of why it failed."""

import json
import sys
import time
import traceback
from pathlib import Path

from gan.files import write_bytes
from gan.sweeps.points import FAILED


def record(folder: Path, exit_code: int, reason: str, error: Exception | None = None) -> None:
    """Leave word, in the folder of a point, of why it failed.

    Args:
        reason: the message.
        error: with its traceback; None if it happened in another process.
    """
    facts = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "exit_code": exit_code,
        "reason": reason,
        "traceback": "".join(traceback.format_exception(error)) if error is not None else None,
    }
    try:
        write_bytes(folder / FAILED, (json.dumps(facts, indent=2) + "\n").encode())
    except OSError as unwritable:  # the reason may be the disk itself
        print(f"{folder / FAILED} cannot be written: {unwritable.strerror}", file=sys.stderr)
