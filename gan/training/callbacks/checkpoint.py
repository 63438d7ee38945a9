"""Keeps the whole game, so that it can go on: after every epoch, when it is to end early, and where it was best."""

import signal
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.loggers import TensorBoardLogger

from gan.runs.checkpoint_io import IN_THE_BACKGROUND
from gan.runs.metrics_csv import MetricsCSV, cut_event_files, event_files
from gan.runs.series import BY_NAME
from gan.system import files, signals
from gan.system.errors import at_least_one
from gan.training.diagnostics.divergence import check_finite, losses_are_finite
from gan.training.module import GAN

AGREE_EVERY = 10  # minibatches from one time that several processes ask each other whether to end, to the next


class LastCheckpoint(L.callbacks.Checkpoint):
    """Writes the run folder's checkpoints/last.ckpt after every epoch, and when the run ends within one.

    Where a run is asked to end (Ctrl-C, SIGTERM, SIGHUP) it ends after the update that is under way, and is saved
    first. Several processes agree on that at every tenth minibatch. A run that goes on from a checkpoint logs what one
    that never ended does: metrics.csv and TensorBoard's event files are cut back to what they had then.

    Not ModelCheckpoint: with ``save_top_k=0`` it saves at the end alone, and it never saves while ``global_step``
    stands still, as in the discriminator's epochs of alternating ones.

    Args:
        every: minibatches after which it also saves within an epoch; None: it does not.
        keep_every: epochs after which checkpoints/epoch_0010.ckpt and so on are kept besides; None: none are.

    Attributes:
        seconds: of training in all parts of the run, up to the last checkpoint.

    Raises:
        Diverged: a weight is not finite; the files stay as they were.
    """

    def __init__(self, every: int | None = None, keep_every: int | None = None) -> None:
        at_least_one(**{name: n for name, n in {"every": every, "keep_every": keep_every}.items() if n is not None})
        self.every = every
        self.keep_every = keep_every
        self.seconds = 0.0
        self._began = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._began = time.monotonic() - self.seconds
        if trainer.is_global_zero:
            files.hold(Path(trainer.default_root_dir))
        signals.finish_update_first(True)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        done = batch_idx + 1
        if done == trainer.num_training_batches:
            return  # what there is to do, the end of the epoch does
        stop = self._is_asked(trainer, done)
        at_its_limit = trainer.should_stop or 0 < trainer.max_steps <= trainer.global_step
        if stop or at_its_limit or (self.every is not None and done % self.every == 0):
            _save(trainer, "last.ckpt")
        if stop:
            raise _stop()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        progress: Any = trainer.fit_loop.epoch_loop.batch_progress.current
        if progress.processed < trainer.num_training_batches:
            return  # it has ended within the epoch, and was saved there
        _save(trainer, "last.ckpt")
        epochs = trainer.current_epoch + 1
        if self.keep_every is not None and epochs % self.keep_every == 0:
            _save(trainer, f"epoch_{epochs:04d}.ckpt")
        if self._is_asked(trainer, AGREE_EVERY):
            raise _stop()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        signals.finish_update_first(False)
        files.release()
        self.seconds = time.monotonic() - self._began

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        signals.finish_update_first(False)
        files.release()
        if self._began:  # training has
            self.seconds = time.monotonic() - self._began

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.is_global_zero:
            checkpoint["logged"] = next((table.position for table in _tables(trainer)), None)
            checkpoint["event_files"] = next((event_files(board) for board in _boards(trainer)), None)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Before anybody logs."""
        if not trainer.is_global_zero:
            return
        if checkpoint.get("logged") is not None:
            for table in _tables(trainer):
                table.back_to(checkpoint["logged"])
        for board in _boards(trainer):
            cut_event_files(board, checkpoint.get("event_files"), checkpoint["game"]["g_updates"])

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": time.monotonic() - self._began}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds = state_dict["seconds"]

    def _is_asked(self, trainer: L.Trainer, done: int) -> bool:
        """Is the run to end now? Of several processes all say the same."""
        if trainer.world_size == 1:
            return signals.pending() is not None
        if done % AGREE_EVERY:
            return False
        return bool(trainer.strategy.reduce_boolean_decision(signals.pending() is not None, all=False))


class BestCheckpoint(L.callbacks.Checkpoint):
    """Writes the run folder's checkpoints/best.ckpt after every epoch that has the best value so far.

    Not ModelCheckpoint: that refuses a run whose data set cannot be measured, and this one then keeps nothing.

    Args:
        monitor: a name in ``trainer.callback_metrics``, such as those of `QualityMonitor`. The lowest value is best,
            but of measures of which more is better, such as ``quality/recall``, the highest.

    Attributes:
        best: the best value so far; None if there is none.
    """

    def __init__(self, monitor: str = "quality/fcd") -> None:
        self.monitor = monitor
        self.best: float | None = None

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.monitor not in trainer.callback_metrics:
            return
        value = float(trainer.callback_metrics[self.monitor])
        more_is_better = self.monitor in BY_NAME and BY_NAME[self.monitor].better > 0
        if self.best is None or (value > self.best if more_is_better else value < self.best):
            self.best = value
            _save(trainer, "best.ckpt")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]


def _stop() -> signals.Stopped:
    """The signal that this process was sent; where another one was, that by which a run's processes are ended."""
    return signals.pending() or signals.Stopped(signal.SIGTERM)


def _save(trainer: L.Trainer, name: str) -> None:
    """Into the run folder's checkpoints/, while training goes on; all ranks call it.

    Nothing is written of a game that has diverged, nor while its last losses are not finite: under float16 these may
    come and go, and the next row of the monitor says which it is.
    """
    game, run_dir = trainer.lightning_module, Path(trainer.default_root_dir)
    assert isinstance(game, GAN)
    check_finite(game, run_dir)
    if trainer.strategy.reduce_boolean_decision(losses_are_finite(game)):
        trainer.save_checkpoint(run_dir / "checkpoints" / name, storage_options=IN_THE_BACKGROUND)


def _tables(trainer: L.Trainer) -> list[MetricsCSV]:
    return [logger for logger in trainer.loggers if isinstance(logger, MetricsCSV)]


def _boards(trainer: L.Trainer) -> list[TensorBoardLogger]:
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
