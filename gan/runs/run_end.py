"""How a run ended: what run.json says, why it ended early, and what a stopped run has left."""

import contextlib
import time
from pathlib import Path
from typing import Any

from gan.runs import file_names
from gan.runs.checkpoint_file import CheckpointError, is_intact, newest_first
from gan.runs.run_files import (
    RunFileError,
    is_number,
    node,
    now,
    read_json,
    read_json_or_empty,
    read_settings,
    write_json,
)
from gan.system import shell
from gan.system.trust import trust_override

STARTED_BY = ("command", "overrides")  # in run.json: what repeats the run
ON_EVERY_MACHINE = "To resume: run the same command again on every machine, with resume=auto {}"
ENDED_EARLY = ("failed", "cut")  # in run.json: by an error, by a signal


def ended(folder: Path) -> dict[str, Any]:
    """Return the final progress and quality from run.json; {} if the run has not ended by itself."""
    facts = read_json_or_empty(folder / file_names.FACTS).get("ended")
    return facts if isinstance(facts, dict) else {}


def record_early_end(folder: Path, how: str, **facts: Any) -> None:
    """Record in run.json why a run ended early; replaces an earlier reason.

    Ignores a failed write (disk full, no file), which must not hide the original error.
    """
    path = folder / file_names.FACTS
    with contextlib.suppress(OSError, RunFileError):
        said = {name: value for name, value in read_json(path).items() if name not in ENDED_EARLY}
        if "ended" not in said:
            said[how] = {"at": now(), **facts}
            write_json(path, said)


def resume_command(folder: Path, *words: str) -> str:
    """The command that resumes a run; it trusts the packages of all classes that its config.yaml names."""
    return shell.resume(folder, *words, *trust_override(_settings(folder)))


def how_to_resume(folder: Path) -> str:
    """The line that says how to resume a run, on one machine or on several."""
    trainer = node(_settings(folder), "trainer")
    if is_number(trainer.get("num_nodes")) and trainer["num_nodes"] > 1:
        return ON_EVERY_MACHINE.format(shell.command(shell.override("hydra.run.dir", shell.short(folder))))
    return f"To resume: {resume_command(folder)}"


def _settings(folder: Path) -> dict[str, Any]:
    try:
        return read_settings(folder / file_names.SETTINGS)
    except (OSError, RunFileError):
        return {}


def describe_stopped_run(folder: Path | None) -> str:
    """Describe what the folder of a stopped run contains, and how to resume.

    Args:
        folder: the run folder; None if the run has claimed none.
    """
    if folder is None:
        return "The run had not started."
    shown = shell.short(folder)
    whole = None
    with contextlib.suppress(CheckpointError):
        whole = next((path for path in newest_first(folder) if is_intact(path)), None)
    if whole is None:
        return f"Its files are in {shown}/; there is no complete checkpoint yet."
    at = time.strftime("%H:%M:%S", time.localtime(whole.stat().st_mtime))
    return (
        f"Its files are in {shown}/; the newest complete checkpoint is {whole.relative_to(folder)}, saved at {at}.\n"
        + how_to_resume(folder)
    )
