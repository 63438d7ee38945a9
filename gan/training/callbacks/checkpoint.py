"""Lightning callbacks that save checkpoints: after every epoch, when a run is interrupted, and at the best metric."""

import math
import signal
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.loggers import TensorBoardLogger

from gan.runs import file_names
from gan.runs.checkpoint_io import IN_THE_BACKGROUND, SealedCheckpoints
from gan.runs.metrics_csv import MetricsCSV, cut_event_files, event_files
from gan.runs.series import BY_NAME
from gan.system import files, signals
from gan.system.errors import at_least_one
from gan.training.diagnostics.divergence import check_finite, losses_are_finite
from gan.training.game_module import GameModule
from gan.training.trainer_parts import loggers_of

AGREE_EVERY = 10  # minibatches between two times that several processes agree on whether to stop


class LastCheckpoint(L.callbacks.Checkpoint):
    """Writes the run folder's checkpoints/last.ckpt after every epoch, and when the run ends within an epoch.

    An interrupted run (Ctrl-C, SIGTERM, SIGHUP) finishes the current update, saves a checkpoint and stops. Several
    processes agree on this at every tenth minibatch. A resumed run has the same log as an uninterrupted one:
    metrics.csv and TensorBoard's event files are cut back to their content at the checkpoint.

    Lightning's ModelCheckpoint cannot do this. With ``save_top_k=0`` it saves only at the end, and it never saves while
    ``global_step`` is constant, as in the discriminator epochs of an alternating schedule.

    Args:
        every: also save within an epoch after this many minibatches; None: do not.
        keep_every: also keep a checkpoint after every so many epochs, as checkpoints/epoch_0010.ckpt; None: keep none.

    Attributes:
        seconds: training time in all parts of the run, up to the last checkpoint.

    Raises:
        Diverged: a weight is not finite; the files are not overwritten.
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
            return  # `on_train_epoch_end` saves
        stop = self._is_asked(trainer, done)
        at_its_limit = trainer.should_stop or 0 < trainer.max_steps <= trainer.global_step
        if stop or at_its_limit or (self.every is not None and done % self.every == 0):
            _save(trainer, file_names.LAST_CHECKPOINT)
        if stop:
            raise _stop()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        progress: Any = trainer.fit_loop.epoch_loop.batch_progress.current
        if progress.processed < trainer.num_training_batches:
            return  # the run ended within the epoch and is already saved
        _save(trainer, file_names.LAST_CHECKPOINT)
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
        if self._began:  # training has begun
            self.seconds = time.monotonic() - self._began

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.is_global_zero:
            checkpoint["logged"] = next((table.position for table in loggers_of(trainer, MetricsCSV)), None)
            checkpoint["event_files"] = next(
                (event_files(board) for board in loggers_of(trainer, TensorBoardLogger)), None
            )

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Cut the logs back before anything is logged."""
        if not trainer.is_global_zero:
            return
        if checkpoint.get("logged") is not None:
            for table in loggers_of(trainer, MetricsCSV):
                table.back_to(checkpoint["logged"])
        for board in loggers_of(trainer, TensorBoardLogger):
            cut_event_files(board, checkpoint.get("event_files"), checkpoint["game"]["g_updates"])

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": time.monotonic() - self._began}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds = state_dict["seconds"]

    def _is_asked(self, trainer: L.Trainer, done: int) -> bool:
        """Whether the run must stop now; the same in all processes."""
        if trainer.world_size == 1:
            return signals.pending() is not None
        if done % AGREE_EVERY:
            return False
        return bool(trainer.strategy.reduce_boolean_decision(signals.pending() is not None, all=False))


class BestCheckpoint(L.callbacks.Checkpoint):
    """Writes the run folder's checkpoints/best.ckpt after every epoch with the best value so far.

    Lightning's ModelCheckpoint raises an error if the dataset has no metrics; this callback then saves nothing.

    Args:
        monitor: a name in ``trainer.callback_metrics``, for example a metric of `QualityMonitor`. The lowest value is
            best, except for metrics where higher is better, like ``quality/recall``.

    Attributes:
        best: the best value so far; None if there is none.
    """

    def __init__(self, monitor: str = "quality/fcd") -> None:
        self.monitor = monitor
        self.best: float | None = None

    @property
    def more_is_better(self) -> bool:
        """Whether the highest value is the best."""
        return self.monitor in BY_NAME and BY_NAME[self.monitor].better > 0

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.monitor not in trainer.callback_metrics:
            return
        value = float(trainer.callback_metrics[self.monitor])
        if not math.isfinite(value):  # nothing would be better than NaN
            return
        if self.best is None or (value > self.best if self.more_is_better else value < self.best):
            self.best = value
            _save(trainer, file_names.BEST_CHECKPOINT)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]


def _stop() -> signals.Stopped:
    """The signal that this process received; SIGTERM, which stops a run's processes, if another process received it."""
    return signals.pending() or signals.Stopped(signal.SIGTERM)


def _save(trainer: L.Trainer, name: str) -> None:
    """Write into the run folder's checkpoints/ in the background. All ranks must call it.

    Nothing is written if training has diverged or the last losses are not finite. Under float16 such losses can be
    temporary; the next row of the monitor shows whether they are.
    """
    game, run_dir = trainer.lightning_module, Path(trainer.default_root_dir)
    assert isinstance(game, GameModule)
    check_finite(game, run_dir)
    if trainer.strategy.reduce_boolean_decision(losses_are_finite(game)):
        # a Trainer of the user's own has Lightning's writer, without options
        options = IN_THE_BACKGROUND if isinstance(trainer.strategy.checkpoint_io, SealedCheckpoints) else None
        trainer.save_checkpoint(run_dir / file_names.CHECKPOINTS / name, storage_options=options)
