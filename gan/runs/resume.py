"""Going on with a run that ended early: its settings, what of them may change, and its newest whole checkpoint.

``resume=RUN`` takes the settings from the run's folder, and what else is said on the command line changes them.
``resume=auto`` takes them from the command line, as ever: where the run folder holds a run, that is gone on with, and
else a new one begins. So one command can be given again and again, as a cluster's queue does.
"""

import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import OmegaConf

from gan.config import schema
from gan.runs import run_folder
from gan.runs.checkpoint_file import CheckpointError, newest_first
from gan.runs.run_files import RunFileError, read_settings
from gan.system.errors import ConfigError

AUTO = "auto"
# What may differ from the run so far without being asked for: it does not change the game, only how long it is played
# and what is around it.
FREE = (
    "callbacks",
    "logger",
    "dry_run",
    "data.root",
    "data.download",
    "data.on_missing",
    *(f"trainer.{name}" for name in ("max_epochs", "max_steps", "max_time", "log_every_n_steps", "profiler")),
    *(f"trainer.enable_{name}" for name in ("progress_bar", "model_summary", "checkpointing")),
)
LENGTH = ("trainer.max_epochs", "trainer.max_steps")  # by which a learning-rate schedule goes
# What cannot differ: the checkpoint holds the networks and the state of these, and no others.
FIXED = (
    "model",
    *(f"data.{name}" for name in ("name", "split", "folder", "of", "image_size", "image_channels")),
    *(f"optimizer.{part}_target_" for part in ("", "generator.", "discriminator.")),
    "ema.name",
    "augmentation.name",
)
# What runs of earlier versions do not say, and were.
LATER: dict[str, dict[str, Any]] = {
    "data": {"batch_size_of": "all", "fit": None, "on_broken": "error", "class_order": "name"},
    "model": {
        "compile": False,
        "generator": {"upsampling_border": "edge"},
        "discriminator": {"first_block": "half"},
    },
    "schedule": {"reuse_fakes": False},
}
_changes: list[str] = []  # what the command line says beside resume=RUN


@dataclass(frozen=True)
class Past:
    """The part of a run that is behind it.

    Attributes:
        checkpoint: to go on from; None: there is none that is whole, and the run begins anew.
        epochs, turns, g_updates: whole epochs, minibatches and generator updates in it.
        changed: settings that are not those of the part before, as "path: before -> now".
        damaged: what is wrong with the checkpoints that are newer.
        is_all: the checkpoint is the last one; the run was killed before it had written what comes after that.
    """

    checkpoint: Path | None = None
    epochs: int = 0
    turns: int = 0
    g_updates: int = 0
    changed: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    is_all: bool = False


class FinishedError(ConfigError):
    """There is nothing to go on with: the run has all that its settings ask for."""


def command_line(words: Sequence[str]) -> list[str]:
    """The command line as Hydra is to see it: ``resume=RUN`` as the settings of a run in that folder.

    Raises:
        ConfigError: RUN holds no run.
    """
    _changes.clear()
    given = next((word.partition("=")[2].strip("'\"") for word in words if word.startswith("resume=")), None)
    rest = [word for word in words if not word.startswith("resume=")]
    if given is None:
        return list(words)
    if given in ("null", ""):
        return rest
    if given == AUTO:
        return [*rest, f"resume.run={AUTO}"]
    folder = _run_of(Path(given))
    if any(word in ("-m", "--multirun") for word in words):
        raise ConfigError("resume: one run is gone on with at a time; of a sweep, give each with resume=auto")
    own = [word for word in rest if word.startswith(("-", "hydra", "resume.")) or not ("=" in word or word[0] == "~")]
    _changes.extend(word for word in rest if word not in own)
    quoted = "'" + str(folder).replace("'", "\\'") + "'"
    return [*own, f"resume.run={quoted}", f"hydra.run.dir={quoted}"]


def _run_of(path: Path) -> Path:
    if (path / "config.yaml").is_file():
        return path
    if path.suffix == ".ckpt":
        raise ConfigError(f"resume: {path} given, a file; its run folder expected: resume={path.parent.parent}")
    what = "holds no run (no config.yaml)" if path.is_dir() else "is not there"
    raise ConfigError(f"resume: {path} {what}; a run folder, as outputs/DATE/TIME, or auto expected")


def settle(settings: dict[str, Any], asked: Mapping[str, Any] | None) -> tuple[dict[str, Any], Past | None]:
    """The settings to go on with, and what is behind the run; None: it is a new one.

    Args:
        settings: as composed for the command line.
        asked: the node ``resume``: ``run`` and ``allow``, or a ``checkpoint`` that another process has settled on.

    Raises:
        ConfigError: settings differ that may not, or the folder's config.yaml is no run's.
        FinishedError: nothing is left to do.
    """
    if asked is None:
        return settings, None
    if asked.get("checkpoint"):
        past = _past_of(Path(asked["checkpoint"]))
        return settings, replace(past, is_all=_is_finished(past, settings))
    allowed, folder = _allowed(asked), Path(settings["run_dir"])
    if asked.get("run") is None or not (folder / "config.yaml").is_file():
        return settings, None
    before = _saved(folder)
    wanted = settings if asked["run"] == AUTO else _changed(before, _changes)
    different = list(differing(before, wanted))
    if problems := list(_problems(different, wanted, allowed)):
        raise ConfigError(f"resume: {folder} was begun with other settings\n" + "\n".join(problems))
    past = _newest(folder, [f"{path}: {old} -> {new}" for path, old, new in different])
    is_all = past.checkpoint is not None and _is_finished(past, wanted)
    if is_all and run_folder.ended(folder):
        raise FinishedError(
            f"{folder} is finished: {past.epochs} epochs, {past.g_updates:,} generator updates. "
            f"To go on: python train.py resume={folder} trainer.max_epochs={2 * max(1, past.epochs)}"
        )
    return wanted, replace(past, is_all=is_all)


def _allowed(asked: Mapping[str, Any]) -> list[str]:
    allowed = asked.get("allow") or []
    if not isinstance(allowed, list) or not all(isinstance(path, str) for path in allowed):
        raise ConfigError(f"resume.allow: {allowed!r} given, a list of settings such as [optimizer.lr] expected")
    return allowed


def _saved(folder: Path) -> dict[str, Any]:
    """The settings in a run's config.yaml; if it has been moved since, with its folder as it is now."""
    try:
        saved = read_settings(folder / "config.yaml")
    except (OSError, RunFileError) as error:
        raise ConfigError(f"resume: {error}") from error
    if not isinstance(saved.get("run_dir"), str):
        raise ConfigError(f"resume: {folder / 'config.yaml'} holds no settings of a run")
    for group, settings in LATER.items():
        node = saved.get(group, {})
        known = schema.NODES[group].get(node.get("name"))
        saved[group] = _completed(node, settings, known)
    return in_folder(saved, folder)


def _completed(node: dict[str, Any], later: Mapping[str, Any], known: type | None) -> dict[str, Any]:
    """The node with what it does not say of ``later``, as far as its schema has it; nodes within it, too."""
    hints = typing.get_type_hints(known) if known else {}
    completed = dict(node)
    for name in later.keys() & hints.keys():
        if not isinstance(later[name], dict):
            completed.setdefault(name, later[name])
        elif isinstance(node.get(name), dict):
            completed[name] = _completed(node[name], later[name], hints[name])
    return completed


def in_folder(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings of a run as they would be if it lay in this folder."""
    moved: dict[str, Any] = _replaced(settings, settings["run_dir"], str(folder))
    return moved


def _replaced(value: Any, old: str, new: str) -> Any:
    """The same with every path that is or lies in the folder ``old`` put into ``new``."""
    if isinstance(value, dict):
        return {name: _replaced(part, old, new) for name, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, old, new) for part in value]
    if isinstance(value, str) and (value == old or value.startswith(f"{old}/")):
        return new + value.removeprefix(old)
    return value


def _changed(before: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """The saved settings with what the command line changes in them."""
    wanted = OmegaConf.create(before)
    try:
        overrides = OverridesParser.create().parse_overrides(list(words))
    except OverrideParseException as error:
        raise ConfigError(f"resume: {' '.join(str(error).split())}") from error
    for override in overrides:
        path = override.key_or_group
        if _is_group(before, path) or override.is_delete():
            raise ConfigError(
                f"resume: {override.input_line} given; a run goes on with the options that it has: settings alone "
                "can change, as in trainer.max_epochs=40"
            )
        if OmegaConf.select(wanted, path, default=_NOTHING) is _NOTHING and not override.is_add():
            raise ConfigError(f"{path}: the run has no such setting; its config.yaml has all")
        OmegaConf.update(wanted, path, override.value(), force_add=True)
    plain: Any = OmegaConf.to_container(wanted)
    return dict(plain)


_NOTHING = object()


def _is_group(before: Mapping[str, Any], path: str) -> bool:
    return "/" in path or "@" in path or path == "experiment" or isinstance(before.get(path), dict)


def differing(before: Any, wanted: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every setting that is not the same: its path, and both values."""
    if isinstance(before, dict) and isinstance(wanted, dict):
        for name in dict.fromkeys([*before, *wanted]):
            where = f"{path}.{name}" if path else str(name)
            yield from differing(before.get(name), wanted.get(name), where)
    elif before != wanted and path != "run_dir":
        yield path, before, wanted


def _problems(
    different: list[tuple[str, Any, Any]], wanted: Mapping[str, Any], allowed: Sequence[str]
) -> Iterator[str]:
    free = FREE if wanted["lr_schedule"]["name"] == "none" else tuple(name for name in FREE if name not in LENGTH)
    to_allow = []
    for path, old, new in different:
        if within(path, FIXED):
            yield f"{path}: {old!r} before, {new!r} given: the checkpoint has no networks or states for that"
        elif not within(path, (*free, *allowed)) and path != "trainer.default_root_dir":
            why = ", by which the learning rates go" if path in LENGTH else ""
            yield f"{path}: {old!r} before, {new!r} given{why}"
            to_allow.append(path)
    if to_allow:
        yield f"leave them as they were, or allow the change: 'resume.allow=[{','.join(to_allow)}]'"


def within(path: str, parts: Sequence[str]) -> bool:
    """True for a setting that is one of these, or stands in a node that is."""
    return any(path == part or path.startswith(f"{part}.") for part in parts)


def _newest(folder: Path, changed: list[str]) -> Past:
    """What the newest whole checkpoint of a run folder has behind it."""
    damaged: list[str] = []
    found: list[Past] = []
    for path in newest_first(folder):
        try:
            found.append(_past_of(path))
        except CheckpointError as error:
            damaged.append(str(error))
    newest = max(found, key=lambda past: past.turns, default=Past())
    return replace(newest, changed=changed, damaged=damaged)


def _past_of(path: Path) -> Past:
    from gan.runs.checkpoint_io import load  # torch, which a mistake need not wait for

    checkpoint = load(path)
    try:
        epochs, game = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"], checkpoint["game"]
        return Past(path, epochs, game["turns"], game["g_updates"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a checkpoint of a game: it has no {error}") from error


def _is_finished(past: Past, settings: Mapping[str, Any]) -> bool:
    epochs, steps = settings["trainer"]["max_epochs"], settings["trainer"]["max_steps"]
    return (epochs is not None and 0 <= epochs <= past.epochs) or 0 <= steps <= past.g_updates


def told(past: Past) -> list[str]:
    """What to say, before it goes on, of a run that has a past."""
    lines = [f"resume: passed over: {what}" for what in past.damaged]
    if past.checkpoint is None:
        return [*lines, "resume: there is no whole checkpoint; the run begins anew"]
    return [*lines, *(f"resume: changed: {what}" for what in past.changed)]


def say(past: Past) -> None:
    """Say it where warnings are looked for."""
    for line in told(past):
        print(line, file=sys.stderr)
