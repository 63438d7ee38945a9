"""A faster training loop for Lightning: hooks that do nothing are not called.

Around each minibatch, backward pass and optimizer step Lightning calls every hook of every callback, inspects the
signature of ``training_step``, moves the batch to the device, and notifies a profiler. For small networks that takes up
to a fifth of the time (docs/performance.md, "Where the time goes"). This loop makes the same calls in the same order,
without those that do nothing. `can_use_fast_loop` and `Stepper.for_trainer` decide when it can be used; otherwise
Lightning's own loop and steps are used.
"""

from collections.abc import Callable, Iterator
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.loops.fit_loop import _FitLoop
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer

from gan.data.loader import ResidentLoader
from gan.training.adam_step import make_step
from gan.training.strategy import GameDDP

# Hooks that are not called. A module or data module that overrides one of them needs Lightning's own loop.
TRANSFER_HOOKS = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")
BACKWARD_HOOKS = ("backward", "on_before_backward", "on_after_backward")
STEP_HOOKS = ("optimizer_step", "configure_gradient_clipping")


def listeners(trainer: L.Trainer, hook: str) -> list[Callable[..., Any]]:
    """The bound methods of the callbacks that override a hook, in the order of the callbacks."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by a connector
    return [getattr(callback, hook) for callback in callbacks if is_overridden(hook, callback, parent=L.Callback)]


def can_use_fast_loop(trainer: L.Trainer) -> bool:
    """Whether the loop over minibatches can skip hooks: no profiler, no other loader than ours, no validation."""
    game, data = trainer.lightning_module, trainer.datamodule  # type: ignore[attr-defined]
    return (
        _is_standard(trainer)
        and isinstance(trainer.train_dataloader, ResidentLoader)
        and not trainer.enable_validation
        and not _overrides(game, *TRANSFER_HOOKS, *BATCH_HOOKS)
        and not _overrides(data, *TRANSFER_HOOKS)
    )


def _is_standard(trainer: L.Trainer) -> bool:
    profiler = trainer.profiler  # type: ignore[attr-defined]
    return type(profiler) is PassThroughProfiler and type(trainer.strategy) in (SingleDeviceStrategy, GameDDP)


def _overrides(owner: Any, *hooks: str) -> bool:
    kind = L.LightningModule if isinstance(owner, L.LightningModule) else L.LightningDataModule
    return any(getattr(type(owner), hook, None) is not getattr(kind, hook) for hook in hooks)


class GameLoop(_TrainingEpochLoop):
    """Lightning's loop over the minibatches of an epoch, the fast one if possible."""

    _batches: Iterator[Any] | None = None  # of this epoch; None for Lightning's own loop

    def on_run_start(self, data_fetcher: Any) -> None:
        super().on_run_start(data_fetcher)
        self._batches = None
        if can_use_fast_loop(self.trainer):
            (self._batches,) = data_fetcher.combined_loader._iterator.iterators
            self._at_start, self._at_end = (listeners(self.trainer, hook) for hook in BATCH_HOOKS)

    def advance(self, data_fetcher: Any) -> None:
        if self._batches is None or self.restarting:
            super().advance(data_fetcher)
            return
        trainer, progress = self.trainer, self.batch_progress
        game: Any = trainer.lightning_module
        batch = next(self._batches)
        data_fetcher.fetched += 1
        data_fetcher.done = data_fetcher.fetched >= data_fetcher.length
        index = self.batch_idx + 1
        progress.is_last_batch = data_fetcher.done
        progress.increment_ready()
        trainer._logger_connector.on_batch_start(batch)

        self._call_hook(game, "on_train_batch_start", self._at_start, batch, index)
        progress.increment_started()
        game._current_fx_name = "training_step"
        with trainer.precision_plugin.train_step_context():
            game.training_step(batch, index)
        progress.increment_processed()
        self._call_hook(game, "on_train_batch_end", self._at_end, {}, batch, index)
        game._current_fx_name = None

        if self._results:  # self.log was used
            trainer._logger_connector.on_batch_end()
        progress.increment_completed()
        if self._results:
            trainer._logger_connector.update_train_step_metrics()

    def on_advance_end(self, data_fetcher: Any) -> None:
        if self._batches is None or self._skip_next_val or self.trainer.received_sigterm or self.trainer.should_stop:
            super().on_advance_end(data_fetcher)
        else:
            self._batches_that_stepped += 1

    def _call_hook(self, game: Any, hook: str, listeners: list[Callable[..., Any]], *arguments: Any) -> None:
        if listeners:
            game._current_fx_name = hook  # needed by self.log
            for call in listeners:
                call(self.trainer, game, *arguments)


class EpochLoop(_FitLoop):
    """Lightning's loop over epochs, which resumes at the position of the checkpoint."""

    def _iteration_based_training(self) -> bool:
        """False also for ``max_steps``: otherwise Lightning would enter a finished epoch again."""
        return False

    def state_dict(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """The state; an epoch that was stopped early does not count as processed."""
        state: dict[str, Any] = super().state_dict(*arguments, **named)
        progress, batches = state["epoch_progress"], state["epoch_loop.batch_progress"]["current"]
        is_processed = progress["current"]["processed"] == progress["current"]["started"]
        if is_processed and 0 < batches["processed"] < self.max_batches:
            for counts in ("total", "current"):
                progress[counts] = {**progress[counts], "processed": progress[counts]["processed"] - 1}
        return state


def use(trainer: L.Trainer) -> None:
    """Replace the loops of a Trainer before its ``fit``."""
    before = trainer.fit_loop
    loop = before.epoch_loop
    trainer.fit_loop = EpochLoop(trainer, min_epochs=before.min_epochs, max_epochs=before.max_epochs)
    trainer.fit_loop.epoch_loop = GameLoop(trainer, min_steps=loop.min_steps, max_steps=loop.max_steps)


class Stepper:
    """Backward passes and optimizer steps through all of Lightning's hooks."""

    def __init__(self, trainer: L.Trainer) -> None:
        self._trainer = trainer
        self._game: Any = trainer.lightning_module
        self._progress = trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        self._scaler: Any = getattr(trainer.precision_plugin, "scaler", None)
        self._scale = 0.0 if self._scaler is None else self._scaler.get_scale()

    @classmethod
    def for_trainer(cls, trainer: L.Trainer) -> "Stepper":
        """The fastest stepper that this Trainer and its callbacks allow."""
        no_hooks = (
            _is_standard(trainer)
            and getattr(trainer.precision_plugin, "scaler", None) is None
            and not _overrides(trainer.lightning_module, *BACKWARD_HOOKS, *STEP_HOOKS)
            and not any(listeners(trainer, hook) for hook in BACKWARD_HOOKS[1:])
        )
        return FastStepper(trainer) if no_hooks else Stepper(trainer)

    def backward(self, loss: Tensor) -> None:
        """A backward pass outside autocast, as torch recommends; Lightning leaves autocast on for the whole step."""
        with torch.autocast(self._game.device.type, enabled=False):
            self._game.manual_backward(loss)

    def step(self, optimizer: Optimizer) -> bool:
        """An optimizer's step; ``global_step`` counts those of the generator.

        Returns:
            False if float16's loss scaler has skipped the step because of gradients that are not finite. The scale
            then becomes smaller; to read it, the host waits for the device, with float16 only.
        """
        if self._scaler is not None:
            return self._scaled_step(optimizer)
        counts = optimizer is not self._trainer.optimizers[0]
        if counts:  # Lightning's optimizer wrapper would count both
            self._progress.increment_ready()
        self._take_step(optimizer)
        if counts:
            self._progress.increment_completed()
        return True

    def _scaled_step(self, optimizer: Optimizer) -> bool:
        self._take_step(optimizer)
        before, self._scale = self._scale, self._scaler.get_scale()
        if self._scale < before:
            return False
        if optimizer is not self._trainer.optimizers[0]:
            self._progress.increment_ready()
            self._progress.increment_completed()
        return True

    def _take_step(self, optimizer: Optimizer) -> None:
        with self._trainer.profiler.profile("optimizer_step"):  # type: ignore[attr-defined]
            self._trainer.strategy.optimizer_step(optimizer, closure=_no_closure, model=self._game)


class FastStepper(Stepper):
    """Without hooks around backward passes, and without scaled gradients."""

    def __init__(self, trainer: L.Trainer) -> None:
        super().__init__(trainer)
        self._before_step = listeners(trainer, "on_before_optimizer_step")
        self._autocasts = trainer.precision_plugin.precision != "32-true"
        strategy: Any = trainer.strategy
        self._average = strategy.average_gradients if isinstance(strategy, GameDDP) else None

    def backward(self, loss: Tensor) -> None:
        if self._autocasts:
            with torch.autocast(self._game.device.type, enabled=False):
                loss.backward()
        else:
            loss.backward()

    def _take_step(self, optimizer: Optimizer) -> None:
        if self._average is not None:
            self._average(optimizer)
        for listener in self._before_step:
            listener(self._trainer, self._game, optimizer)
        self._game.on_before_optimizer_step(optimizer)
        make_step(optimizer)


def _no_closure() -> None:
    """A closure for the strategy; in manual optimization the gradients exist already."""
