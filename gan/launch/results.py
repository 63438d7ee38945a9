"""Results of a run: the text printed after training. Files, metrics in plain words, and what to do next."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import lightning.pytorch as L

from gan.config.experiments import longer_experiment
from gan.data.module import ImageData
from gan.generators.bundle_path import FILE_NAME
from gan.launch.summary import warning
from gan.launch.sweeps import failed_jobs
from gan.runs import file_names
from gan.runs.changes import read_changes
from gan.runs.run_end import how_to_resume
from gan.runs.run_files import sample_grids
from gan.runs.series import BY_NAME, FCD, QUALITY
from gan.system import process, shell
from gan.system.errors import counted, duration
from gan.system.shell import short
from gan.system.trust import OWN_PACKAGES
from gan.training.callbacks.alarms import raised_alarms
from gan.training.callbacks.checkpoint import BestCheckpoint
from gan.training.callbacks.quality import QualityMonitor, quality_of
from gan.training.game_module import GameModule
from gan.training.trainer_parts import callback_of

# What a metric means to a reader who sees it for the first time; the others are listed in one line.
MEANINGS = {
    "precision": "fraction of generated images that look like real ones",
    "recall": "fraction of real images that look like generated ones",
    "missing": "classes that are hardly ever generated",
    "label_accuracy": "fraction of generated images that show the requested class",
    "modes": "modes of the data that are generated",
    "good_points": "fraction of generated points that are near a mode",
}


def after(data: ImageData, trainer: L.Trainer, seconds: float) -> str:
    """Describe a run that has ended: its length, files, metrics and alarms, and what to do next."""
    folder = Path(trainer.default_root_dir)
    game = trainer.lightning_module
    assert isinstance(game, GameModule)
    trust = _trust(game)
    sample = shell.command("gan", "sample", short(folder), "--n", "64", "--out", "grid.png", *trust)
    kept = {
        "checkpoints/last.ckpt": "both networks and their optimizers",
        "checkpoints/best.ckpt": f"the same, {_best(trainer)}",
        FILE_NAME: f"the generator alone: {sample}",
        file_names.METRICS: "everything that was logged",
        file_names.CURVES: "both losses and the discriminator's accuracies",
        "samples/progress.gif": "the fixed latents, epoch by epoch",
    }
    lines = [f"Trained for {_progress(data, trainer)}, {duration(seconds)}."]
    if game.g_updates == 0:
        lines.append("WARNING: the generator was never updated: its images are noise. A longer run is needed.")
    if any(change.end for change in read_changes(folder)):
        lines.append("It was ended by hand (gan play).")
    elif trainer.max_epochs and trainer.current_epoch < trainer.max_epochs and game.g_updates != trainer.max_steps:
        lines.append(f"Ended before its {counted(trainer.max_epochs, 'epoch')}. {how_to_resume(folder)}")
    lines += [f"  {short(folder / name)}  {text}" for name, text in kept.items() if (folder / name).exists()]
    lines += _measured(trainer)
    lines += map(str, raised_alarms(trainer))
    if data.substitute_for:
        lines.append(warning(data))
    return "\n".join([*lines, *([] if failed_jobs.in_sweep() else _next(folder, trust, updated=game.g_updates > 0))])


def _best(trainer: L.Trainer) -> str:
    """When best.ckpt was saved, for example "where FCD was lowest"."""
    best = callback_of(trainer, BestCheckpoint)
    if best is None or best.monitor == BestCheckpoint().monitor:
        return "where FCD was lowest"
    return f"where {best.monitor} was {'highest' if best.more_is_better else 'lowest'}"


def _trust(game: GameModule) -> list[str]:
    """The option with which `gan` loads a generator of the user's own; [] for one of ours."""
    package = type(game.generator).__module__.split(".")[0]
    return [] if package in OWN_PACKAGES else ["--trust", package]


def _progress(data: ImageData, trainer: L.Trainer) -> str:
    game = trainer.lightning_module
    assert isinstance(game, GameModule)
    epochs = game.images_seen / data.train_images
    passes = counted(round(epochs), "epoch") if abs(epochs - round(epochs)) < 0.01 else f"{epochs:.2f} epochs"
    if 0 < epochs < 0.01:
        passes = "less than 0.01 epochs"
    return f"{counted(game.g_updates, 'generator update')}, {counted(game.images_seen, 'real image')} ({passes})"


def _measured(trainer: L.Trainer) -> Iterator[str]:
    """The last metrics, each with its meaning and the direction that is better, and the cost of measuring."""
    monitor, measured = callback_of(trainer, QualityMonitor), quality_of(trainer)
    if monitor is None or not measured:
        return
    cost = f"measured {monitor.cost}" if monitor.cost else "measured in an earlier part of the run"
    yield f"Quality of {counted(monitor.n, 'generated sample')} ({cost}):"
    yield from described(measured, monitor.floor)


def described(measured: Mapping[str, float], floor: tuple[float, int] | None) -> Iterator[str]:
    """One line per metric with its meaning; the other metrics are in one line.

    Args:
        measured: by the names in metrics.csv, such as "quality/fcd".
        floor: the FCD of real held-out images in the same measurement, and their number; None if unknown.
    """
    others = []
    for name, value in measured.items():
        short_name = name.removeprefix(QUALITY)
        better = {-1: "lower is better", 1: "higher is better"}.get(BY_NAME[name].better if name in BY_NAME else 0, "")
        if name == FCD:
            yardstick = ""
            if floor:
                real = counted(floor[1], "real held-out image")
                yardstick = f"{real} in the same measurement: {floor[0]:.2g}; "
            yield f"  FCD {value:.3g} ({yardstick}{better})"
        elif short_name in MEANINGS:
            yield f"  {short_name} {value:.3g} ({MEANINGS[short_name]}; {better})"
        else:
            others.append(f"{short_name} {value:.3g}")
    if others:
        yield f"  others: {', '.join(others)}"


def _next(folder: Path, trust: Sequence[str], *, updated: bool) -> Iterator[str]:
    """At most five commands and files that a user looks at next."""
    run = short(folder)
    has_generator = (folder / FILE_NAME).exists()
    if longer := longer_experiment(process.current().overrides):
        experiment, why = longer
        yield f"Next recipe:  {shell.train(f'experiment={experiment}')}  ({why})"
    if not has_generator:
        why = "the run has no callbacks.bundle" if updated else "it was never updated"
        yield f"Generator:    not saved, because {why}; it cannot be sampled or evaluated"
    if has_generator:
        yield f"Try it:       {shell.command('gan', 'demo', run, *trust)}"
    if (folder / file_names.METRICS).exists():
        yield f"Curves:       {shell.command('gan', 'watch', run, *trust)}"
    if (folder / file_names.TENSORBOARD).exists():
        yield f"TensorBoard:  {shell.command('tensorboard', '--logdir', run)}"
    if grids := sample_grids(folder):
        yield f"Newest grid:  {short(grids[-1])}"
