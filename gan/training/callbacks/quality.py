"""A Lightning callback that computes the metrics of `gan evaluate` during training, on fewer images."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from torch import Tensor
from torchmetrics import Metric

from gan.data.module import ImageData
from gan.data.normalization import denormalize, dtype_at_rest
from gan.data.registry import ARRAY, NAMES, TORCHVISION, TOY_DISTRIBUTIONS
from gan.game.gradients import in_parts
from gan.game.networks.evaluation_mode import evaluating
from gan.runs.series import QUALITY, SERIES
from gan.system.errors import ConfigError, GanError, at_least_one
from gan.training.game_module import GameModule
from gan.training.trainer_parts import callback_of, image_data

PART = 500  # images generated at a time, to limit memory use
FEWEST = 200  # more than the number of features, also for three channels; otherwise a covariance would be singular
Listener = Callable[[L.Trainer, GameModule, dict[str, float]], None]


class QualityMonitor(L.Callback):
    """Measures the generator at the end of an epoch, each time ``every`` more real images have been seen.

    It also measures at the end of a run that reaches its ``max_epochs`` or ``max_steps``. The generator is
    ``game.final_generator`` in eval mode. The latents are the same each time, so that only the generator changes
    between rows. The random numbers of the training do not change: the losses are bit for bit the same without this
    callback.

    ``quality/fcd``, ``quality/recall`` and so on go to the loggers, against generator updates, and to
    ``trainer.callback_metrics`` for checkpoints and early stopping. With several processes rank 0 measures and the
    others wait. For 2-D data the metric is the number of modes found. Without an extractor for the dataset the callback
    does nothing, and `unmeasured` says why.

    Args:
        every: real images between two measurements. With 150,000 the measurements take less than a tenth of the time
            of the fastest recipe on two cores (docs/measures.md).
        n: number of images per measurement.
        metrics: your own metrics by name, each a `torchmetrics.Metric` of images; ``quality/NAME`` is logged. See
            `gan.metrics.own_metrics`.

    Attributes:
        unmeasured: why nothing is measured; "" if metrics are computed.
        times: measurements so far in this process. seconds: the time they took.
        latest: the last metrics, by name.
        listeners: functions that are called with the metrics after they are logged, in every process.
    """

    def __init__(self, every: int = 150_000, n: int = 2000, metrics: Mapping[str, Metric] | None = None) -> None:
        at_least_one(every=every)
        if n < FEWEST:
            raise ConfigError(f"n: {n!r} given, {FEWEST} or more expected: fewer images have no usable covariance")
        self.every = every
        self.n = n
        self.metrics = dict(metrics or {})
        self.unmeasured = ""
        self.times = 0
        self.seconds = 0.0
        self.latest: dict[str, float] = {}
        self.listeners: list[Listener] = []
        self._seen = 0  # real images at the end of the last epoch
        self._quality: GeneratorQuality | None = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.unmeasured = "" if self.metrics else why_unmeasured(image_data(trainer))

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        withdraw(trainer, QUALITY)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GameModule)
        if self.unmeasured:
            return
        total = pl_module.total_updates
        ends = total is not None and pl_module.g_updates >= total
        ends |= trainer.current_epoch + 1 == trainer.max_epochs  # float16 may have skipped some updates
        due = pl_module.images_seen // self.every > self._seen // self.every
        self._seen = pl_module.images_seen
        if due or ends:
            measured = self._measure(trainer, pl_module) if trainer.is_global_zero else {}
            self.latest = trainer.strategy.broadcast(measured)
            self._log(trainer, pl_module)
            for listener in self.listeners:
                listener(trainer, pl_module, self.latest)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self._seen, "latest": dict(self.latest)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._seen, self.latest = state_dict["seen"], dict(state_dict["latest"])

    @property
    def floor(self) -> tuple[float, int] | None:
        """The FCD of real held-out images, and their number; None if this process has not measured an FCD."""
        return None if self._quality is None else self._quality.floor

    @property
    def cost(self) -> str:
        """The number of measurements and their time, as text; "" if nothing was measured."""
        times = "once" if self.times == 1 else f"{self.times} times"
        return f"{times}, {self.seconds:.1f} s" if self.times else ""

    def _measure(self, trainer: L.Trainer, game: GameModule) -> dict[str, float]:
        data = image_data(trainer)
        if self._quality is None:
            self._quality = GeneratorQuality(data, self.n, self.metrics)
        self._quality.prepare(game.device)
        began = time.perf_counter()  # without the real images, which are processed once for all runs
        measured = self._quality.measure(game)
        self.times += 1
        self.seconds += time.perf_counter() - began
        return measured

    def _log(self, trainer: L.Trainer, game: GameModule) -> None:
        row = {QUALITY + name: value for name, value in self.latest.items()}
        offer(trainer, row)
        for logger in trainer.loggers:
            counts = {"epoch": trainer.current_epoch, "images_seen": game.images_seen}
            logger.log_metrics(charted(logger, {**counts, **row}), step=trainer.global_step)


class GeneratorQuality:
    """The metrics of a game's ``final_generator`` on images of the same latents each time.

    Args:
        data: the real images; set up.
        n: number of generated images.
        metrics: metrics of the user's own: see `QualityMonitor`.
    """

    def __init__(self, data: ImageData, n: int, metrics: Mapping[str, Metric] | None = None) -> None:
        self.data = data
        self.n = n
        self.metrics = dict(metrics or {})
        self._is_points = data.loaded.name in TOY_DISTRIBUTIONS
        self._has_extractors = not self._is_points and not why_unmeasured(data)
        self._metrics: Any = None  # from gan.metrics.quick, with the real images
        self.floor: tuple[float, int] | None = None  # see QualityMonitor

    def prepare(self, device: torch.device) -> None:
        """Compute the features of the real images, once."""
        if self._has_extractors and self._metrics is None:
            from gan.metrics.quick import quick_metrics  # lazy: short runs measure nothing

            reference = _reference(self.data, device)
            self._metrics = quick_metrics(reference, self.n)
            self.floor = reference.fcd_floor(self.n), min(self.n, reference.held_out_count)

    def measure(self, game: GameModule) -> dict[str, float]:
        """The metrics by name, in the order of the table of series."""
        images, labels = self._generated(game)
        measured: dict[str, float] = {}
        if self._is_points:
            from gan.metrics.quick import measures_of_points

            measured = measures_of_points(images, self.data.loaded.name)
        elif self._has_extractors:
            asked = labels is not None and self.data.image_shape[0] == 1
            self._metrics.reset()
            self._metrics.update(images, real=False, labels=labels if asked else None)
            found = self._metrics.compute()
            logged = (series.name.removeprefix(QUALITY) for series in SERIES if series.name.startswith(QUALITY))
            measured = {name: float(found[name]) for name in logged if name in found}
        if self.metrics:
            from gan.metrics.own_metrics import own_values

            measured |= own_values(self.metrics, images, self.data.held_out[0], game.device)
        return measured

    def _generated(self, game: GameModule) -> tuple[Tensor, Tensor | None]:
        """Images as stored (n, C, H, W), on the CPU, and the requested classes (n,)."""
        data, generator = self.data, game.final_generator
        z, labels = game.fixed_latents(self.n, "quality")
        at_rest = dtype_at_rest(data.image_shape)
        inputs = (z,) if labels is None else (z, labels)
        with evaluating(generator), torch.no_grad():
            made = (generator(*part) for _, part in in_parts(math.ceil(len(z) / PART), *inputs))
            images = [denormalize(part, data.mean, data.std, at_rest).cpu() for part in made]
        return torch.cat(images), labels


def offer(trainer: L.Trainer, values: Mapping[str, float]) -> None:
    """Put values into ``trainer.callback_metrics``, where callbacks can monitor them until the end of this epoch."""
    trainer.callback_metrics.update({name: torch.tensor(value) for name, value in values.items()})


def charted(logger: Logger, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values for a logger: without the counters for TensorBoard, whose page would begin with their lines."""
    return {name: value for name, value in values.items() if "/" in name or not isinstance(logger, TensorBoardLogger)}


def withdraw(trainer: L.Trainer, *prefixes: str) -> None:
    """Remove these values, so that callbacks do not compare, save or count patience in an epoch without a new value."""
    for name in [name for name in trainer.callback_metrics if name.startswith(prefixes)]:
        del trainer.callback_metrics[name]


def why_unmeasured(data: ImageData) -> str:
    """One line that says why this dataset has no metrics; "" if it has."""
    from gan.metrics.extractors import REQUIRED, extractor_name, load_extractor, training_command

    if data.loaded.name in TOY_DISTRIBUTIONS:
        return ""
    name = extractor_name(data.loaded)
    try:
        for kind in REQUIRED:
            load_extractor(name, kind)
    except GanError:
        why = f"no extractor for data '{data.loaded.name}'"
        if data.loaded.name not in NAMES or data.loaded.name in (ARRAY, TORCHVISION):
            return why
        channels, size = data.loaded.images.shape[1:3]
        return f"{why}; to make it: {training_command(data.loaded.name, data.options, channels=channels, size=size)}"
    return ""


def _reference(data: ImageData, device: torch.device) -> Any:
    from gan.metrics.reference import Reference

    return Reference(data.loaded, channels=data.image_shape[0], device=str(device))


def quality_of(trainer: L.Trainer) -> dict[str, float]:
    """The last metrics of a run, by their names in ``trainer.callback_metrics``; empty if there are none.

    If a run was killed after its last measurement, only the monitor has them, so they are always read from there.
    Lightning stores them in float32; with its values the result would differ from an uninterrupted run.
    """
    logged = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(QUALITY)}
    monitor = callback_of(trainer, QualityMonitor)
    exact = {} if monitor is None else {QUALITY + name: value for name, value in monitor.latest.items()}
    return exact or logged
