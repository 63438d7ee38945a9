"""Resume an interrupted run: its settings, which of them may change, and its newest complete checkpoint.

``resume=RUN`` takes the settings from the run folder; the other overrides of the command line change them.
``resume=auto`` takes the settings from the command line as usual: it resumes the run in the run folder, or starts a
new one if there is none. So the same command can be repeated, as the queue of a cluster does.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from gan.config.defaults import completed
from gan.config.experiments import without_leftovers
from gan.config.free_settings import has_lr_schedule
from gan.config.saved_settings import (
    allowed_paths,
    changed,
    differing,
    problems,
    read_saved,
    with_former_values,
)
from gan.config.trust import check_trust
from gan.launch import command_line
from gan.runs import file_names, run_end, run_folder
from gan.runs.latest import LATEST, named_run
from gan.runs.moved_settings import in_folder
from gan.runs.resume import ResumeState, is_finished, newest_state, state_of
from gan.system import process, shell
from gan.system.errors import ConfigError, counted
from gan.system.trust import trust_override, untrusted

AUTO = "auto"


class FinishedError(ConfigError):
    """The run is finished: it has reached the limits in its settings, so there is nothing to resume.

    Attributes:
        folder: the run folder.
    """

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.folder = folder


def without_run(words: Sequence[str]) -> list[str]:
    """Return the command line for Hydra: replace ``resume=RUN`` by overrides that select the run in that folder.

    Also replaces ``latest`` in ``model.init_from=latest``, because later it would name the run that starts.

    Raises:
        ConfigError: RUN contains no run, or ``resume=RUN`` is used with a sweep or with hydra.run.dir.
    """
    given = [word.partition("=")[2] for word in words if command_line.names_run(word)]
    rest = [_with_source(word) for word in words if not command_line.names_run(word)]
    run = given[-1] if given else None
    if run is None or run in ("null", ""):
        return rest
    if run == AUTO:
        return [*rest, f"resume.run={AUTO}"]
    folder = _run_of(named_run(Path(shell.unquoted(run))))
    if any(word in ("-m", "--multirun") for word in words):
        raise ConfigError("resume: a sweep cannot resume one run; give resume=auto, which resumes each job")
    if elsewhere := next((word for word in rest if word.lstrip("+").startswith("hydra.run.dir=")), None):
        raise ConfigError(f"resume: {elsewhere} given; a run is resumed in its own folder, which can be moved")
    own = [word for word in rest if not _is_setting(word)]
    command_line.current().changes = [word for word in rest if _is_setting(word)]
    return [*own, f"resume.run={shell.quoted(folder)}", f"hydra.run.dir={shell.quoted(folder)}"]


def _with_source(word: str) -> str:
    name, _, given = word.partition("=")
    if name.lstrip("+") != "model.init_from" or given != LATEST:
        return word
    return shell.override(name, named_run(Path(LATEST)))


def _is_setting(word: str) -> bool:
    """True for a word that changes a setting of the run, not of Hydra."""
    return ("=" in word or word[:1] == "~") and not word.lstrip("+~").startswith(("-", "hydra", "resume.", "trust="))


def _run_of(path: Path) -> Path:
    if (path / file_names.SETTINGS).is_file():
        return path
    if path.suffix == ".ckpt":
        raise ConfigError(f"resume: {path} given, a file; its run folder expected: {_word(path.parent.parent)}")
    what = "is not a run folder (no config.yaml)" if path.is_dir() else "does not exist"
    raise ConfigError(f"resume: {path} {what}; a run folder such as outputs/DATE/TIME, latest, or auto expected")


def _word(folder: Path) -> str:
    return shell.command(f"resume={folder}")


def resolve(
    settings: dict[str, Any], asked: Mapping[str, Any] | None, packages: Sequence[str] = ()
) -> tuple[dict[str, Any], ResumeState | None]:
    """Return the validated settings, and the state of the run to resume; None for a new run.

    Locks the folder of a run to resume, so that its contents cannot change afterwards.

    Args:
        settings: the settings composed from the command line.
        packages: packages that the user trusts: the saved settings may name their classes.
        asked: the node ``resume``: ``run`` and ``allow``, or the ``checkpoint`` that another process has chosen.

    Raises:
        ConfigError: the settings are not valid, or a setting differs that must not; config.yaml in the folder does not
            belong to a run; another process trains in the folder; or none of its checkpoints can be read.
        FinishedError: the run is finished.
    """
    from gan.config.validation import (
        validate,  # imports torch: errors in the command line are printed before that
    )

    asked = asked or {}
    if asked.get("run") in (None, AUTO):  # else the saved settings are used
        validate(settings)
    if asked.get("checkpoint"):
        state = state_of(Path(asked["checkpoint"]))
        return settings, replace(state, is_all=is_finished(state, settings))
    folder = Path(settings["run_dir"])
    if asked.get("run") == AUTO and _is_new_each_time():
        raise ConfigError("resume: auto given without hydra.run.dir=FOLDER; each start would get a new, dated folder")
    if asked.get("run") is None or not (folder / file_names.SETTINGS).is_file():
        allowed_paths(asked.get("allow"), settings)
        return settings, None

    before = read_saved(folder)
    words = command_line.current().changes
    if asked["run"] == AUTO:
        wanted = with_former_values(completed(in_folder(settings, folder)), folder, command_line.task_words())
        before = completed(before, saved=True)
    else:
        wanted = without_leftovers(changed(before, words), words)
        saved = set(untrusted(before, packages))
        check_trust([pair for pair in untrusted(wanted, packages) if pair in saved], packages)
        validate(wanted)
    allowed = allowed_paths(asked.get("allow"), wanted, before)
    if lines := list(problems(before, wanted, allowed)):
        raise ConfigError(f"resume: {folder} was started with other settings\n" + "\n".join(lines))
    if process.is_first() and not process.is_rank() and not wanted["dry_run"]:
        run_folder.lock_run(folder)
    state = newest_state(folder, [f"{path}: {old} -> {new}" for path, old, new in differing(before, wanted)])
    return wanted, _unless_finished(folder, state, wanted)


def folder_was_given() -> bool:
    """Whether the command line names the folder of the run or of the sweep."""
    words = [*map(str, HydraConfig.get().overrides.hydra), *command_line.task_words()]
    return any(word.lstrip("+").startswith(("hydra.run.", "hydra.sweep.", "run_dir=")) for word in words)


def _is_new_each_time() -> bool:
    """Whether the run gets the default folder, whose name contains the time of the start."""
    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.RUN or folder_was_given():
        return False
    config: Any = OmegaConf.to_container(HydraConfig.instance().cfg or OmegaConf.create(), resolve=False)
    return "${now:" in config["hydra"]["run"]["dir"]


def _unless_finished(folder: Path, state: ResumeState, settings: Mapping[str, Any]) -> ResumeState:
    """Return the state of the run; raise FinishedError if the run is finished."""
    ended = run_end.ended(folder)
    so_far = ResumeState(epochs=int(ended.get("epochs", 0)), g_updates=int(ended.get("g_updates", 0)))
    if state.checkpoint is None and (so_far.epochs or so_far.g_updates):
        why = f"{folder} has ended, and it has no checkpoint to resume from; start a new run in another folder"
        raise FinishedError(why, folder) if is_finished(so_far, settings) else ConfigError(f"resume: {why}")
    is_all = state.checkpoint is not None and is_finished(state, settings)
    if is_all and ended:
        raise FinishedError(
            f"{folder} is finished: {counted(state.epochs, 'epoch')}, {counted(state.g_updates, 'generator update')}. "
            f"To make it longer: {shell.resume(folder, *_longer(state, settings), *trust_override(settings))}",
            folder,
        )
    return replace(state, is_all=is_all)


def _longer(state: ResumeState, settings: Mapping[str, Any]) -> list[str]:
    """Return the overrides that continue a finished run: they double each limit that ended it."""
    epochs, steps = settings["trainer"]["max_epochs"], settings["trainer"]["max_steps"]
    limits = {}
    if epochs is not None and 0 <= epochs <= state.epochs:
        limits["trainer.max_epochs"] = 2 * max(1, state.epochs)
    if 0 <= steps <= state.g_updates:
        limits["trainer.max_steps"] = 2 * max(1, state.g_updates)
    words = [f"{path}={number}" for path, number in limits.items()]
    return [*words, f"resume.allow=[{','.join(limits)}]"] if has_lr_schedule(settings) else words


def print_state(state: ResumeState) -> None:
    """Print to stderr, before a run is resumed, which files are skipped and which settings have changed."""
    lines = [f"skipped: {what}" for what in state.damaged]
    if state.checkpoint is None:
        lines.append("no checkpoint was written yet; the run starts from the beginning")
    else:
        lines += [f"changed: {what}" for what in state.changed]
    for line in lines:
        print(f"resume: {line}", file=sys.stderr)
