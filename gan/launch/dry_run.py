"""Dry run (`python train.py dry_run=true …`): print all settings, the run summary and its cost; write nothing."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from torch import nn

from gan.config.data_node import custom_source
from gan.data.loaded import LoadedImages
from gan.data.module import ImageData
from gan.data.registry import STACKED, Archive, DatasetSpec, find_source, known_shape
from gan.launch import preflight, summary
from gan.launch.costs import StepCounts, Trial, count_steps, real_images, timed
from gan.launch.preflight import minibatches
from gan.system import shell
from gan.system.errors import DataError, counted, duration
from gan.training.build import build_data, build_game, build_trainer
from gan.training.game_module import GameModule
from gan.training.strategy import world_size

GIVEN = "  <- given"


def show(settings: Mapping[str, Any], words: Sequence[str] = ()) -> str:
    """Return the whole page for a valid configuration; settings in ``words``, the command line, are marked.

    Raises:
        DataError: the images are not on this machine, and their number or shape is unknown.
        ConfigError: the settings do not fit the images.
    """
    data = find_data(settings)
    preflight.check_data(settings, data)
    game = build_game(settings, data, with_weights=True)
    return report(settings, data, game, build_trainer(settings), words)


def report(
    settings: Mapping[str, Any], data: ImageData, game: GameModule, trainer: L.Trainer, words: Sequence[str] = ()
) -> str:
    """Return the page for a run that is built and has not started; changes neither game nor data."""
    return "\n".join(
        [
            " ".join([f"Settings of {shell.train()}", *words]) + ":",
            *(f"  {line}" for line in tree(settings, given_paths(words))),
            "",
            summary.before(settings, data, game, trainer),
            "",
            "Cost:",
            *_costs(settings, data, game, trainer),
            "",
            "This was a dry run: nothing was trained, downloaded or written.",
        ]
    )


# The settings.


def given_paths(words: Sequence[str]) -> set[str]:
    """Return what a command line sets: paths of settings, and names of config groups."""
    return {word.partition("=")[0].lstrip("+~") for word in words if "=" in word and not word.startswith("-")}


def tree(node: Mapping[str, Any], given: set[str], above: str = "") -> Iterator[str]:
    """Yield one line per setting, as in a YAML file; settings in ``given`` are marked."""
    for name, value in node.items():
        path = f"{above}{name}"
        mark = GIVEN if path in given else ""
        indent = "  " * path.count(".")
        if isinstance(value, Mapping) and value:
            yield f"{indent}{name}:{mark}"
            yield from tree(value, given, f"{path}.")
        else:
            yield f"{indent}{name}: {_shown(value)}{mark}"


def _shown(value: Any) -> str:
    words: dict[Any, str] = {None: "null", True: "true", False: "false", "": '""'}
    if value is None or isinstance(value, bool) or value == "":
        return words[value]
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, list) else str(value)


# The images.


def find_data(settings: Mapping[str, Any]) -> ImageData:
    """Return the images that the run would use; a missing dataset is only counted, not downloaded.

    Raises:
        DataError: the run would find no images either, or their number is unknown until they are read.
    """
    wanted = settings["data"]
    if custom_source(wanted):
        data = build_data(settings)
        data.setup()
        return data
    # Do not replace a dataset that the run would download by its sample.
    on_missing = "error" if wanted["download"] else wanted["on_missing"]
    data = build_data({**settings, "data": {**wanted, "download": False, "on_missing": on_missing}})
    try:
        data.setup()
    except DataError:
        absent = _absent(wanted) if wanted["download"] else None
        if absent is None:
            raise
        data = build_data(settings, _AbsentImages)
        assert isinstance(data, _AbsentImages)
        data.images = absent
        data.setup()
    return data


class _AbsentImages(ImageData):
    """Placeholder for images that a run would download: number, shape and classes are correct, the pixels are not."""

    images: LoadedImages

    def prepare_data(self) -> None:
        self._loaded = self.images

    def find_clusters(self, clusters: int) -> tuple[float, ...]:
        self._clusters = torch.arange(self.train_images) % clusters
        self._resident = None
        self.setup()
        return self.cluster_shares


def _absent(wanted: Mapping[str, Any]) -> LoadedImages | None:
    """Return one random image expanded to the size of the dataset (no copies); None if it has no files of its own."""
    shape, classes = known_shape(wanted)
    name = wanted["name"]
    source: Any = None
    if shape is not None and classes is not None:
        source = find_source((wanted.get("of") or "mnist") if name == STACKED else name, wanted["split"])
    if isinstance(source, Archive):
        count = source.records * len(source.train_files)
    elif isinstance(source, DatasetSpec):
        count = source.train.counts[0]
    else:
        return None
    assert shape is not None and classes is not None
    image = torch.randint(0, 256, (1, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images, labels = image.expand(count, *shape), torch.zeros(1, dtype=torch.int64).expand(count)
    origin = (
        f"{source.title} is not under {Path(wanted['root']).expanduser().resolve()}: the run would download it first. "
        f"The counts are for its {count:,} images; the time is measured with a random image"
    )
    return LoadedImages(images, labels, images[:0], labels[:0], name, tuple(map(str, range(classes))), origin)


# The costs.


def _costs(settings: Mapping[str, Any], data: ImageData, game: GameModule, trainer: L.Trainer) -> Iterator[str]:
    batches = minibatches(len(data.train_dataloader()), trainer.limit_train_batches)
    epochs = trainer.max_epochs or -1
    by_time = epochs < 0 and trainer.max_steps < 0
    turns = count_steps(game.schedule, 1 if by_time else epochs, batches, trainer.max_steps)
    processes = world_size(settings["trainer"])
    trial = timed(settings, data, game, turns, processes=processes)
    total = turns.total()
    d_updates, g_updates = (sum(n for turn, n in turns.items() if turn[player]) for player in (0, 1))
    images = real_images(total, batches, data.batch_size, data.train_images)
    rows = {
        "counted": "one epoch; only trainer.max_time ends the run" if by_time else "",
        "parameters": _parameters(game),
        "updates": f"{d_updates:,} of D, {g_updates:,} of G",
        "real images": f"{images:,}, in {counted(total, 'minibatch')}",
        "on the disk": _disk(trial, trainer),
        "GPU memory": "" if trial.peak_memory is None else f"at most {_size(trial.peak_memory)} per process",
        "time": _time(trial, turns, images, processes),
    }
    return (f"{name:>14}  {text}" for name, text in rows.items() if text)


def _parameters(game: GameModule) -> str:
    def count(network: nn.Module) -> str:
        return f"{sum(parameter.numel() for parameter in network.parameters()):,}"

    average = "" if game.ema is None else f", the generator's average {count(game.ema)}"
    return f"generator {count(game.generator)}, discriminator {count(game.discriminator)}{average}"


def _disk(trial: Trial, trainer: L.Trainer) -> str:
    """Describe the size of the checkpoints and the generator on disk; pictures and logs are extra."""
    kept = "about " + _size(trial.checkpoint_bytes) + " a checkpoint, " if trainer.checkpoint_callbacks else ""
    return f"{kept}about {_size(trial.bundle_bytes)} for the generator; plus pictures and logs"


def _time(trial: Trial, turns: StepCounts, images: int, processes: int) -> str:
    seconds = trial.run_seconds(turns)
    speed = f"{images / seconds:,.0f} images/s" if seconds else "no images"
    share = f", each with the {trial.batch_size} images of one process" if processes > 1 else ""
    left_out = "callbacks" if processes == 1 else "callbacks and the exchange between processes"
    return (
        f"about {duration(seconds)}, {speed}: an estimate\n{'':16}"
        f"from {counted(trial.timed, 'minibatch')} timed on this machine now{share}; without {left_out}"
    )


def _size(count: float) -> str:
    """Format a number of bytes with its unit."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
