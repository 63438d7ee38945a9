"""Going on with a run that ended early: its settings, what of them may change, and its newest whole checkpoint.

``resume=RUN`` takes the settings from the run's folder, and what else is said on the command line changes them.
``resume=auto`` takes them from the command line, as ever: where the run folder holds a run, that is gone on with, and
else a new one begins. So one command can be given again and again, as a cluster's queue does.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan.config.saved_settings import (
    allowed_paths,
    changed,
    differing,
    has_lr_schedule,
    problems,
    read_saved,
)
from gan.launch import command_line
from gan.runs import run_folder
from gan.runs.resume import ResumeState, is_finished, newest_state, state_of
from gan.runs.run_folder import in_folder
from gan.system import process, shell
from gan.system.errors import ConfigError

AUTO = "auto"


class FinishedError(ConfigError):
    """There is nothing to go on with: the run has all that its settings ask for."""


def without_run(words: Sequence[str]) -> list[str]:
    """The command line as Hydra is to see it: ``resume=RUN`` as the settings of a run in that folder.

    Raises:
        ConfigError: RUN holds no run.
    """
    given = [word.partition("=")[2] for word in words if command_line.names_run(word)]
    rest = [word for word in words if not command_line.names_run(word)]
    run = given[-1] if given else None
    if run is None or run in ("null", ""):
        return rest
    if run == AUTO:
        return [*rest, f"resume.run={AUTO}"]
    folder = _run_of(Path(shell.unquoted(run)))
    if any(word in ("-m", "--multirun") for word in words):
        raise ConfigError("resume: one run is gone on with at a time; of a sweep, give each with resume=auto")
    if elsewhere := next((word for word in rest if word.lstrip("+").startswith("hydra.run.dir=")), None):
        raise ConfigError(f"resume: {elsewhere} given; a run goes on in its own folder, which can be moved")
    own = [word for word in rest if not _is_setting(word)]
    command_line.current().changes = [word for word in rest if _is_setting(word)]
    return [*own, f"resume.run={shell.quoted(folder)}", f"hydra.run.dir={shell.quoted(folder)}"]


def _is_setting(word: str) -> bool:
    """True for a word that changes a setting of the run, and is not for Hydra."""
    return ("=" in word or word[:1] == "~") and not word.lstrip("+~").startswith(("-", "hydra", "resume."))


def _run_of(path: Path) -> Path:
    if (path / "config.yaml").is_file():
        return path
    if path.suffix == ".ckpt":
        raise ConfigError(f"resume: {path} given, a file; its run folder expected: {_word(path.parent.parent)}")
    what = "holds no run (no config.yaml)" if path.is_dir() else "is not there"
    raise ConfigError(f"resume: {path} {what}; a run folder, as outputs/DATE/TIME, or auto expected")


def _word(folder: Path) -> str:
    return shell.command(f"resume={folder}")


def resolve(settings: dict[str, Any], asked: Mapping[str, Any] | None) -> tuple[dict[str, Any], ResumeState | None]:
    """The settings to run with, which are valid, and what is behind the run; None: it is a new one.

    The folder of a run that is to go on is held from here on, so that what is found in it stays true.

    Args:
        settings: as composed for the command line.
        asked: the node ``resume``: ``run`` and ``allow``, or a ``checkpoint`` that another process has settled on.

    Raises:
        ConfigError: settings are not valid, or differ that may not; the folder's config.yaml is no run's; another
            process trains in it; or it has checkpoints, and none that can be read.
        FinishedError: nothing is left to do.
    """
    from gan.config.validation import validate  # torch, which a mistake in the command line need not wait for

    asked = asked or {}
    if asked.get("run") in (None, AUTO):  # else those of the run count
        validate(settings)
    if asked.get("checkpoint"):
        state = state_of(Path(asked["checkpoint"]))
        return settings, replace(state, is_all=is_finished(state, settings))
    folder = Path(settings["run_dir"])
    if asked.get("run") is None or not (folder / "config.yaml").is_file():
        allowed_paths(asked.get("allow"), settings)
        return settings, None

    before = read_saved(folder)
    wanted = in_folder(settings, folder) if asked["run"] == AUTO else changed(before, command_line.current().changes)
    if asked["run"] != AUTO:
        validate(wanted)
    allowed = allowed_paths(asked.get("allow"), wanted, before)
    if lines := list(problems(before, wanted, allowed)):
        raise ConfigError(f"resume: {folder} was begun with other settings\n" + "\n".join(lines))
    if process.is_first() and not process.is_rank() and not wanted["dry_run"]:
        run_folder.lock_run(folder)
    state = newest_state(folder, [f"{path}: {old} -> {new}" for path, old, new in differing(before, wanted)])
    return wanted, _unless_finished(folder, state, wanted)


def _unless_finished(folder: Path, state: ResumeState, settings: Mapping[str, Any]) -> ResumeState:
    """What is behind the run, if there is something left to do."""
    ended = run_folder.ended(folder)
    so_far = ResumeState(epochs=int(ended.get("epochs", 0)), g_updates=int(ended.get("g_updates", 0)))
    if state.checkpoint is None and (so_far.epochs or so_far.g_updates):
        told = f"{folder} has ended, and it has no checkpoint to go on from; begin a new run in another folder"
        raise FinishedError(told) if is_finished(so_far, settings) else ConfigError(f"resume: {told}")
    is_all = state.checkpoint is not None and is_finished(state, settings)
    if is_all and ended:
        raise FinishedError(
            f"{folder} is finished: {state.epochs} epochs, {state.g_updates:,} generator updates. "
            f"To go on: {shell.resume(folder, *_longer(state, settings))}"
        )
    return replace(state, is_all=is_all)


def _longer(state: ResumeState, settings: Mapping[str, Any]) -> list[str]:
    """The words by which a finished run goes on: each limit that has ended it, twice as far."""
    epochs, steps = settings["trainer"]["max_epochs"], settings["trainer"]["max_steps"]
    limits = {}
    if epochs is not None and 0 <= epochs <= state.epochs:
        limits["trainer.max_epochs"] = 2 * max(1, state.epochs)
    if 0 <= steps <= state.g_updates:
        limits["trainer.max_steps"] = 2 * max(1, state.g_updates)
    words = [f"{path}={number}" for path, number in limits.items()]
    return [*words, f"resume.allow=[{','.join(limits)}]"] if has_lr_schedule(settings) else words


def describe(state: ResumeState) -> list[str]:
    """What to say, before it goes on, of a run that has a state."""
    lines = [f"resume: passed over: {what}" for what in state.damaged]
    if state.checkpoint is None:
        return [*lines, "resume: no checkpoint was written so far; the run begins anew"]
    return [*lines, *(f"resume: changed: {what}" for what in state.changed)]


def print_state(state: ResumeState) -> None:
    """Say it where warnings are looked for."""
    for line in describe(state):
        print(line, file=sys.stderr)
