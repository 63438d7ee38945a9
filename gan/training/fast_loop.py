"""A training step without what Lightning does for those who are not there.

Around each minibatch Lightning calls every hook of every callback, asks for the signature of ``training_step``, moves
the batch to the device and tells a profiler; around each backward pass and each optimizer step likewise. For small
networks that takes up to a fifth of the time (docs/performance.md, "Where the time goes"). Here the same things happen
in the same order, and what would do nothing is left out. Where somebody does listen, or gradients have to be scaled,
Lightning's own way is taken: `is_lean` and `Stepping.of` say when.
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
from gan.training.strategy import GameDDP

# What is not called: a module or data module that has one of these of its own goes Lightning's way.
AROUND_A_STEP = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
OF_A_BATCH = ("on_train_batch_start", "on_train_batch_end")
OF_BACKWARD = ("backward", "on_before_backward", "on_after_backward")
OF_A_STEP = ("optimizer_step", "configure_gradient_clipping")


def listeners(trainer: L.Trainer, hook: str) -> list[Callable[..., Any]]:
    """The callbacks' own versions of a hook, bound, in the callbacks' order; one that does nothing is left out."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by a connector
    return [getattr(callback, hook) for callback in callbacks if is_overridden(hook, callback, parent=L.Callback)]


def is_lean(trainer: L.Trainer) -> bool:
    """May the loop over minibatches leave things out? Not for a profiler, other data than ours, or validation."""
    game, data = trainer.lightning_module, trainer.datamodule  # type: ignore[attr-defined]
    return (
        _is_plain(trainer)
        and isinstance(trainer.train_dataloader, ResidentLoader)
        and not trainer.enable_validation
        and not _has_own(game, *AROUND_A_STEP, *OF_A_BATCH)
        and not _has_own(data, *AROUND_A_STEP)
    )


def _is_plain(trainer: L.Trainer) -> bool:
    profiler = trainer.profiler  # type: ignore[attr-defined]
    return type(profiler) is PassThroughProfiler and type(trainer.strategy) in (SingleDeviceStrategy, GameDDP)


def _has_own(owner: Any, *hooks: str) -> bool:
    kind = L.LightningModule if isinstance(owner, L.LightningModule) else L.LightningDataModule
    return any(getattr(type(owner), hook, None) is not getattr(kind, hook) for hook in hooks)


class GameLoop(_TrainingEpochLoop):
    """Lightning's loop over the minibatches of an epoch, lean where it may be."""

    _batches: Iterator[Any] | None = None  # of this epoch; None: Lightning's way

    def on_run_start(self, data_fetcher: Any) -> None:
        super().on_run_start(data_fetcher)
        self._batches = None
        if is_lean(self.trainer):
            (self._batches,) = data_fetcher.combined_loader._iterator.iterators
            self._at_start, self._at_end = (listeners(self.trainer, hook) for hook in OF_A_BATCH)

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

        self._tell(game, "on_train_batch_start", self._at_start, batch, index)
        progress.increment_started()
        game._current_fx_name = "training_step"
        with trainer.precision_plugin.train_step_context():
            game.training_step(batch, index)
        progress.increment_processed()
        self._tell(game, "on_train_batch_end", self._at_end, {}, batch, index)
        game._current_fx_name = None

        if self._results:  # somebody has used self.log
            trainer._logger_connector.on_batch_end()
        progress.increment_completed()
        if self._results:
            trainer._logger_connector.update_train_step_metrics()

    def on_advance_end(self, data_fetcher: Any) -> None:
        if self._batches is None or self._skip_next_val or self.trainer.received_sigterm or self.trainer.should_stop:
            super().on_advance_end(data_fetcher)
        else:
            self._batches_that_stepped += 1

    def _tell(self, game: Any, hook: str, told: list[Callable[..., Any]], *arguments: Any) -> None:
        if told:
            game._current_fx_name = hook  # for those who use self.log
            for call in told:
                call(self.trainer, game, *arguments)


class EpochLoop(_FitLoop):
    """Lightning's loop over epochs, which a resumed run enters where the checkpoint was written."""

    def _iteration_based_training(self) -> bool:
        """False also under ``max_steps``: Lightning would enter an epoch that is finished once more."""
        return False

    def state_dict(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """The epoch that a run has stopped in is not processed, whatever is written at its early end."""
        state: dict[str, Any] = super().state_dict(*arguments, **named)
        progress, batches = state["epoch_progress"], state["epoch_loop.batch_progress"]["current"]
        is_over = progress["current"]["processed"] == progress["current"]["started"]
        if is_over and 0 < batches["processed"] < self.max_batches:
            for counts in ("total", "current"):
                progress[counts] = {**progress[counts], "processed": progress[counts]["processed"] - 1}
        return state


def use(trainer: L.Trainer) -> None:
    """Let a Trainer, before its ``fit``, go over epochs and minibatches with our loops."""
    before = trainer.fit_loop
    loop = before.epoch_loop
    trainer.fit_loop = EpochLoop(trainer, min_epochs=before.min_epochs, max_epochs=before.max_epochs)
    trainer.fit_loop.epoch_loop = GameLoop(trainer, min_steps=loop.min_steps, max_steps=loop.max_steps)


class Stepping:
    """How a game goes back through a loss, and takes an optimizer's step: through all of Lightning's hooks."""

    def __init__(self, trainer: L.Trainer) -> None:
        self._trainer = trainer
        self._game: Any = trainer.lightning_module
        self._progress = trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        self._scaler: Any = getattr(trainer.precision_plugin, "scaler", None)
        self._scale = 0.0 if self._scaler is None else self._scaler.get_scale()

    @classmethod
    def of(cls, trainer: L.Trainer) -> "Stepping":
        """The leanest that this Trainer and all that listen to it allow."""
        alone = (
            _is_plain(trainer)
            and getattr(trainer.precision_plugin, "scaler", None) is None
            and not _has_own(trainer.lightning_module, *OF_BACKWARD, *OF_A_STEP)
            and not any(listeners(trainer, hook) for hook in OF_BACKWARD[1:])
        )
        return LeanStepping(trainer) if alone else Stepping(trainer)

    def backward(self, loss: Tensor) -> None:
        """Outside autocast, where torch wants backward passes; Lightning leaves it on for the whole of a step."""
        with torch.autocast(self._game.device.type, enabled=False):
            self._game.manual_backward(loss)

    def step(self, optimizer: Optimizer) -> bool:
        """Take the step of the discriminator's or the generator's optimizer; ``global_step`` counts the generator's.

        Returns:
            False where float16's loss scaler has left the step out, for gradients that are not finite. Only then does
            the scale become smaller; to see it, the host waits for the device: under float16 alone.
        """
        if self._scaler is not None:
            return self._scaled_step(optimizer)
        counts = optimizer is not self._trainer.optimizers[0]
        if counts:  # as Lightning's wrapper of an optimizer would, of both
            self._progress.increment_ready()
        self._take(optimizer)
        if counts:
            self._progress.increment_completed()
        return True

    def _scaled_step(self, optimizer: Optimizer) -> bool:
        self._take(optimizer)
        before, self._scale = self._scale, self._scaler.get_scale()
        if self._scale < before:
            return False
        if optimizer is not self._trainer.optimizers[0]:
            self._progress.increment_ready()
            self._progress.increment_completed()
        return True

    def _take(self, optimizer: Optimizer) -> None:
        with self._trainer.profiler.profile("optimizer_step"):  # type: ignore[attr-defined]
            self._trainer.strategy.optimizer_step(optimizer, closure=_no_closure, model=self._game)


class LeanStepping(Stepping):
    """Nobody listens to a backward pass, and no gradient is scaled."""

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

    def _take(self, optimizer: Optimizer) -> None:
        if self._average is not None:
            self._average(optimizer)
        for listener in self._before_step:
            listener(self._trainer, self._game, optimizer)
        self._game.on_before_optimizer_step(optimizer)
        optimizer.step()


def _no_closure() -> None:
    """The strategy wants a closure; in manual optimization the gradients are there already."""
