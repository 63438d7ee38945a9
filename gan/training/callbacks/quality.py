"""How good the images are while the run goes on: `gan evaluate`'s measures, of fewer images."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor

from gan.data.module import ImageData
from gan.data.normalization import denormalize, dtype_at_rest
from gan.data.registry import NAMES, TOY_DISTRIBUTIONS
from gan.runs.series import QUALITY, SERIES
from gan.system.errors import ConfigError, GanError, at_least_one
from gan.training.callbacks.samples import evaluating
from gan.training.module import GAN

PART = 500  # images made at a time: bounds the memory
FEWEST = 200  # more than extractors have features, of three channels too, or a covariance would be singular
Listener = Callable[[L.Trainer, GAN, dict[str, float]], None]


class QualityMonitor(L.Callback):
    """Measures the generator at the end of every epoch in which another ``every`` real images have been seen.

    And at the end of the run. The generator is ``game.final_generator``, in eval mode, and its latents are the same
    each time: what changes from row to row is the generator. Training's random numbers are left alone, so the losses
    are the same, bit for bit, without it.

    ``quality/fcd``, ``quality/recall`` and so on go to the loggers, against generator updates, and to
    ``trainer.callback_metrics``, where checkpoints and early stopping look for what they monitor. With several
    processes the first one measures, and the others wait. Of points of the plane it counts the modes found. Where the
    data set has no extractor it does nothing; `unmeasured` says why.

    Args:
        every: real images seen from one measurement to the next. At 150,000 it takes less than a tenth of the time
            of the fastest recipe on two cores (docs/measures.md).
        n: images measured each time.

    Attributes:
        unmeasured: why nothing is measured; "" if it is.
        times: measurements so far, in this process. seconds: what they took.
        latest: the last measures, by name.
        listeners: called with each new measures, once they are logged; in every process.
    """

    def __init__(self, every: int = 150_000, n: int = 2000) -> None:
        at_least_one(every=every)
        if n < FEWEST:
            raise ConfigError(f"n: {n!r} given, {FEWEST} or more expected: of fewer images a covariance says nothing")
        self.every = every
        self.n = n
        self.unmeasured = ""
        self.times = 0
        self.seconds = 0.0
        self.latest: dict[str, float] = {}
        self.listeners: list[Listener] = []
        self._seen = 0  # real images at the end of the last epoch
        self._metrics: Any = None  # of gan.metrics.quick, with the real images

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.unmeasured = why_unmeasured(_data(trainer))

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        withdraw(trainer, QUALITY)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GAN)
        if self.unmeasured:
            return
        total = pl_module.total_updates
        ends = total is not None and pl_module.g_updates >= total
        ends |= trainer.current_epoch + 1 == trainer.max_epochs  # with fewer updates, where float16 has left some out
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
    def cost(self) -> str:
        """What measuring has cost, in words; "" if nothing was measured."""
        times = "once" if self.times == 1 else f"{self.times} times"
        return f"{times}, {self.seconds:.1f} s" if self.times else ""

    def _measure(self, trainer: L.Trainer, game: GAN) -> dict[str, float]:
        from gan.metrics.quick import measures_of_points, quick_metrics  # a run that is short measures nothing

        data = _data(trainer)
        if data.loaded.name not in TOY_DISTRIBUTIONS and self._metrics is None:
            self._metrics = quick_metrics(_reference(data, game.device), self.n)
        began = time.perf_counter()  # the real images are looked at once for all runs: no part of the cost
        images, labels = self._generated(game, data)
        if data.loaded.name in TOY_DISTRIBUTIONS:
            measured = measures_of_points(images, data.loaded.name)
        else:
            asked = labels is not None and data.image_shape[0] == 1
            self._metrics.reset()
            self._metrics.update(images, real=False, labels=labels if asked else None)
            found = self._metrics.compute()
            logged = (series.name.removeprefix(QUALITY) for series in SERIES if series.name.startswith(QUALITY))
            measured = {name: float(found[name]) for name in logged if name in found}
        self.times += 1
        self.seconds += time.perf_counter() - began
        return measured

    def _generated(self, game: GAN, data: ImageData) -> tuple[Tensor, Tensor | None]:
        """Images at rest (n, C, H, W), on the CPU, and the classes asked for (n,)."""
        generator = game.final_generator
        z, labels = game.fixed_latents(self.n, "quality")
        at_rest = dtype_at_rest(data.image_shape)
        with evaluating(generator), torch.no_grad():
            parts = [denormalize(generator(*part), data.mean, data.std, at_rest).cpu() for part in _in_parts(z, labels)]
        return torch.cat(parts), labels

    def _log(self, trainer: L.Trainer, game: GAN) -> None:
        row = {QUALITY + name: value for name, value in self.latest.items()}
        offer(trainer, row)
        for logger in trainer.loggers:
            counts = {"epoch": trainer.current_epoch, "images_seen": game.images_seen}
            logger.log_metrics({**counts, **row}, step=trainer.global_step)


def offer(trainer: L.Trainer, values: Mapping[str, float]) -> None:
    """Put values where Lightning's callbacks look for what they monitor, up to the end of this epoch."""
    trainer.callback_metrics.update({name: torch.tensor(value) for name, value in values.items()})


def withdraw(trainer: L.Trainer, *prefixes: str) -> None:
    """Take them away: of an epoch without a new value, nothing is to be compared, counted as patience, or saved."""
    for name in [name for name in trainer.callback_metrics if name.startswith(prefixes)]:
        del trainer.callback_metrics[name]


def why_unmeasured(data: ImageData) -> str:
    """Why there are no measures for this set, in one line; "" if there are."""
    from gan.metrics.extractors import KINDS, extractor_name, load_extractor, training_command

    if data.loaded.name in TOY_DISTRIBUTIONS:
        return ""
    name = extractor_name(data.loaded)
    try:
        for kind in KINDS:
            load_extractor(name, kind)
    except GanError:
        why = f"no extractor for data '{data.loaded.name}'"
        if data.loaded.name not in NAMES:
            return why
        channels, size = data.loaded.images.shape[1:3]
        return f"{why}; to make it: {training_command(data.loaded.name, vars(data), channels=channels, size=size)}"
    return ""


def _reference(data: ImageData, device: torch.device) -> Any:
    from gan.metrics.reference import Reference

    return Reference(data.loaded, channels=data.image_shape[0], device=str(device))


def _in_parts(z: Tensor, labels: Tensor | None) -> list[tuple[Tensor, ...]]:
    if labels is None:
        return [(part,) for part in z.split(PART)]
    return list(zip(z.split(PART), labels.split(PART), strict=True))


def _data(trainer: L.Trainer) -> ImageData:
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, ImageData)
    return data


def quality_of(trainer: L.Trainer) -> dict[str, float]:
    """The last measures of a run, by their names in ``trainer.callback_metrics``; empty if there are none.

    Of a run that was killed after its last measurement they are in the monitor alone. So they are taken from there
    always: Lightning keeps them in float32, and the run would end with other digits than one that was not killed.
    """
    logged = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(QUALITY)}
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by a connector
    monitor = next((callback for callback in callbacks if isinstance(callback, QualityMonitor)), None)
    exact = {} if monitor is None else {QUALITY + name: value for name, value in monitor.latest.items()}
    return exact or logged
