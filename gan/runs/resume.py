"""Resume state of a run: its newest intact checkpoint, and the progress stored in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gan.runs import file_names
from gan.runs.checkpoint_file import CheckpointError, newest_first
from gan.system import shell
from gan.system.errors import ConfigError


@dataclass(frozen=True)
class ResumeState:
    """Progress of a run according to its newest intact checkpoint.

    Attributes:
        checkpoint: the checkpoint to resume from; None: none was ever written, and the run starts over.
        epochs, turns, g_updates: complete epochs, minibatches and generator updates at the checkpoint.
        changed: settings that differ from the interrupted run, as "path: before -> now".
        damaged: errors of the newer, damaged checkpoints.
        is_all: training is complete at this checkpoint; only the files that follow training are missing.
    """

    checkpoint: Path | None = None
    epochs: int = 0
    turns: int = 0
    g_updates: int = 0
    changed: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    is_all: bool = False


def newest_state(folder: Path, changes: list[str]) -> ResumeState:
    """Return the state of a run folder from its newest intact checkpoint.

    Checkpoints kept from earlier epochs are read only if last.ckpt and best.ckpt cannot be: each is read completely.

    Raises:
        ConfigError: there are checkpoints, and none can be read.
    """
    damaged: list[str] = []
    found: list[ResumeState] = []
    kept_apart = {file_names.LAST_CHECKPOINT, file_names.BEST_CHECKPOINT}
    for path in sorted(newest_first(folder), key=lambda path: path.name not in kept_apart):  # stable: the newest first
        if found and path.name not in kept_apart:
            break
        try:
            found.append(state_of(path))
        except CheckpointError as error:
            damaged.append(str(error))
    if damaged and not found:
        checkpoints = folder / file_names.CHECKPOINTS
        away = shell.command("mv", shell.short(checkpoints), shell.short(folder / "checkpoints-damaged"))
        raise ConfigError(
            "\n".join([f"resume: {folder} has checkpoints, and none can be read; nothing was changed", *damaged])
            + f"\nrestore one from a copy; or start this run again: {away}, then the same command again"
        )
    newest = max(found, key=lambda state: state.turns, default=ResumeState())
    return replace(newest, changed=changes, damaged=damaged)


def state_of(path: Path) -> ResumeState:
    from gan.runs.checkpoint_io import load  # imports torch: only when needed

    checkpoint = load(path)
    try:
        epochs, game = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"], checkpoint["game"]
        return ResumeState(path, epochs, game["turns"], game["g_updates"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a checkpoint of a game: it has no {error}") from error


def is_finished(state: ResumeState, settings: Mapping[str, Any]) -> bool:
    epochs, steps = settings["trainer"]["max_epochs"], settings["trainer"]["max_steps"]
    return (epochs is not None and 0 <= epochs <= state.epochs) or 0 <= steps <= state.g_updates
