"""Failed jobs of a sweep: print the error, and record it in the folder of the job (failed.json)."""

import sys
import traceback
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from gan.launch.command_line import task_words
from gan.runs import file_names
from gan.runs.run_files import now, write_json
from gan.runs.sweep_jobs import run_overrides
from gan.system import process
from gan.system.errors import CRASH, GanError


def in_sweep() -> bool:
    """True if this process runs a job of a sweep."""
    return HydraConfig.initialized() and (HydraConfig.get().mode == RunMode.MULTIRUN or process.current().is_job)


def tell(folder: Path, error: Exception, *, full: bool) -> int:
    """Print the error of a failed job, record it in its folder, and return the exit code.

    Args:
        full: print a traceback also for a user's error.
    """
    is_mistake = isinstance(error, GanError)
    message = str(error) if is_mistake and not full else "".join(traceback.format_exception(error)).rstrip()
    code = error.exit_code if isinstance(error, GanError) else CRASH
    print(f"a job of the sweep ({' '.join(run_overrides(task_words()))}): {message}", file=sys.stderr)
    record(folder, code, str(error) if is_mistake else f"{type(error).__name__}: {error}", error)
    return code


def record(folder: Path, exit_code: int, reason: str, error: Exception | None = None) -> None:
    """Record in the folder of a job why it failed; if several processes fail, keep the first record.

    Args:
        reason: the message.
        error: the error with its traceback; None if it happened in another process.
    """
    if (folder / file_names.FAILED).exists():
        return
    facts = {
        "at": now(),
        "exit_code": exit_code,
        "reason": reason,
        "traceback": "".join(traceback.format_exception(error)) if error is not None else None,
    }
    try:
        write_json(folder / file_names.FAILED, facts)
    except OSError as unwritable:  # e.g. if a full disk is the reason
        print(f"{folder / file_names.FAILED} cannot be written: {unwritable.strerror}", file=sys.stderr)
