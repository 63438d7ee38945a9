"""Run summary: the text printed before training, and run.json, which contains what repeats the run."""

import contextlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from torch import nn

import gan
from gan.config.differences import changed_settings, own_settings
from gan.config.experiments import notes
from gan.config.option_names import option_name
from gan.data.module import ImageData
from gan.launch.preflight import minibatches
from gan.runs import file_names, run_end
from gan.runs.resume import ResumeState
from gan.runs.run_files import RunFileError, now, read_json, write_json
from gan.system import process
from gan.system.errors import counted
from gan.system.rank_errors import in_a_line
from gan.system.shell import short
from gan.system.signals import Stopped, stop_behind
from gan.training import trackers
from gan.training.callbacks.checkpoint import LastCheckpoint
from gan.training.callbacks.quality import QualityMonitor, quality_of, why_unmeasured
from gan.training.game_module import GameModule
from gan.training.trainer_parts import callback_of

PACKAGES = ("torch", "torchvision", "lightning", "torchmetrics", "hydra-core", "omegaconf", "tensorboard", "numpy")


def before(
    settings: Mapping[str, Any], data: ImageData, game: GameModule, trainer: L.Trainer, past: ResumeState | None = None
) -> str:
    """Summarise a run in a few lines: images, networks, settings that differ from the defaults, device, length, folder.

    For a resumed run, also the checkpoint that it resumes from.
    """
    model = settings["model"]
    batches = minibatches(len(data.train_dataloader()), trainer.limit_train_batches)
    updates = game.schedule.generator_updates(trainer.max_epochs, batches) if trainer.max_epochs else 0
    rows = {
        "data": data.origin,
        "generator": _network(model, "generator", game.generator),
        "discriminator": _network(model, "discriminator", game.discriminator),
        **changed_settings(settings),
        "device": f"{_device(trainer)}, precision {trainer.precision}",
        **_unmeasured(trainer, data),
        "length": _length(trainer, batches, updates, min(data.batch_size, data.train_images)),
        "run folder": f"{short(trainer.default_root_dir)}/",
        **({} if past is None else {"resumes": _past(past)}),
        "all settings": "config.yaml in the run folder; before a run, dry_run=true prints them",
    }
    lines = [f"{name:>14}  {text}" for name, text in rows.items()]
    return "\n".join([*([warning(data)] if data.substitute_for else []), *notes(process.current().overrides), *lines])


def warning(data: ImageData) -> str:
    """Return a conspicuous warning that the images are not from the requested dataset."""
    bar = "!" * 100
    return f"{bar}\nWARNING: this is not the requested dataset '{data.substitute_for}'.\n{data.origin}\n{bar}"


def record(
    settings: Mapping[str, Any], data: ImageData, game: GameModule, trainer: L.Trainer, past: ResumeState | None = None
) -> None:
    """Write run.json: what is needed, in addition to config.yaml, to repeat the run, and the machine it ran on.

    For a resumed run, keep the first facts, and append the current ones to ``resumed``.
    """
    facts, run_dir = _facts(settings, data, trainer), Path(settings["run_dir"])
    if game.initial_weights is not None:
        facts["init_from"] = {"sha256": game.initial_weights}
    with contextlib.suppress(OSError, RunFileError):  # the first process may have been killed before it wrote one
        if past is not None and past.checkpoint is not None:
            first = read_json(run_dir / file_names.FACTS)
            now = {"from": past.checkpoint.name, "g_updates": past.g_updates, "changed": past.changed, **facts}
            facts = {**first, "resumed": [*first.get("resumed", []), now]}
            for end in ("ended", *run_end.ENDED_EARLY):
                facts.pop(end, None)
    write_json(run_dir / file_names.FACTS, facts)


def _facts(settings: Mapping[str, Any], data: ImageData, trainer: L.Trainer) -> dict[str, Any]:
    tracked = trackers.tracked(trainer, [name for name, node in settings["logger"].items() if node])
    return {
        "command": process.user_command(),
        "overrides": process.current().overrides,
        "started": now(),
        "seed": settings["seed"],
        "data": {
            "asked_for": settings["data"].get("name", settings["data"]["_target_"]),
            "used": data.loaded.name,
            "origin": data.origin,
        },
        **({trackers.KEY: tracked} if tracked else {}),
        "versions": {"python": platform.python_version(), "gan": gan.__version__, **_versions()},
        "git": _git_commit(),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "device": _device(trainer),
            "threads": torch.get_num_threads(),
            "processes": trainer.world_size,
        },
    }


def training_seconds(trainer: L.Trainer, since_start: float) -> float:
    """Return the training time in seconds, including before each resume if a checkpoint callback has stored it."""
    keeper = callback_of(trainer, LastCheckpoint)
    return keeper.seconds if keeper is not None else since_start


def record_end(trainer: L.Trainer, run_dir: Path, seconds: float) -> None:
    """Add the final progress and the training time to run.json."""
    game = trainer.lightning_module
    assert isinstance(game, GameModule)
    facts = read_json(run_dir / file_names.FACTS)
    facts["ended"] = {
        "at": now(),
        "seconds": round(seconds, 1),
        "epochs": trainer.current_epoch,
        **{name: getattr(game, name) for name in ("g_updates", "d_updates", "images_seen")},
        **quality_of(trainer),
    }
    write_json(run_dir / file_names.FACTS, facts)


@contextlib.contextmanager
def early_end(trainer: L.Trainer) -> Iterator[None]:
    """If the block ends by an error or a signal, record that in run.json."""
    try:
        yield
    except Exception as error:
        _add(trainer, "failed", error=in_a_line(error))
        raise
    except (Stopped, SystemExit) as end:
        signal = stop_behind(end) if isinstance(end, SystemExit) else end
        if isinstance(signal, Stopped):
            _add(trainer, "cut", by=signal.name)
        raise


def _add(trainer: L.Trainer, name: str, **facts: Any) -> None:
    """Add an early end to run.json; `gan.launch.launcher` does so for an error in another process."""
    if trainer.is_global_zero:
        run_end.record_early_end(Path(trainer.default_root_dir), name, **facts)


def _past(past: ResumeState) -> str:
    if past.checkpoint is None:
        return "from its beginning; it has no checkpoint"
    updates = counted(past.g_updates, "generator update")
    return f"from {past.checkpoint.name}: {counted(past.epochs, 'epoch')}, {updates}"


def _unmeasured(trainer: L.Trainer, data: ImageData) -> dict[str, str]:
    """Say why quality is not measured; empty if it is, or without a quality callback."""
    why = "" if callback_of(trainer, QualityMonitor) is None else why_unmeasured(data)
    return {"quality": f"not measured: {why}"} if why else {}


def _network(model: Mapping[str, Any], name: str, network: nn.Module) -> str:
    changed = own_settings("model", model, name)
    latent = f"z {model['latent_dim']} {model['prior']}" if name == "generator" else ""
    details = ", ".join(filter(None, [*changed, latent]))
    parameters = f"{option_name('model', model)}, {sum(p.numel() for p in network.parameters()):,} parameters"
    return f"{parameters} ({details})" if details else parameters


def _length(trainer: L.Trainer, batches: int, updates: int, batch_size: int) -> str:
    ends = [number for number in (updates, trainer.max_steps) if number > 0]
    by_epochs = trainer.max_epochs is not None and trainer.max_epochs > 0 and updates == min(ends, default=updates)
    steps = counted(min(ends), "generator update") if ends else ""
    epoch = f"{counted(batches, 'minibatch')} of {batch_size}"
    if by_epochs:
        return ", ".join(filter(None, [f"{counted(trainer.max_epochs or 0, 'epoch')} of {epoch}", steps]))
    return f"{steps}, in epochs of {epoch}" if steps else f"epochs of {epoch}"


def _device(trainer: L.Trainer) -> str:
    device = trainer.strategy.root_device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    processes = f"{trainer.world_size} processes, each " if trainer.world_size > 1 else ""
    threads = f" ({counted(torch.get_num_threads(), 'thread')})" if device.type == "cpu" else ""
    return f"{processes}{name}{threads}"


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = dict.fromkeys(PACKAGES)
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _git_commit() -> dict[str, Any] | None:
    """Return the commit of the checkout with this code, and whether it is clean; None outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if not Path(git("rev-parse", "--show-toplevel")).samefile(Path(gan.__file__).parents[1]):
            return None  # the repository of someone who has installed this package below it
        return {"commit": git("rev-parse", "HEAD"), "clean": git("status", "--porcelain") == ""}
    except (OSError, subprocess.SubprocessError):
        return None
