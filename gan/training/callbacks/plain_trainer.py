"""Lightning callbacks that `gan.GAN` adds to a Trainer of the user's own: logging and quality by ``self.log``."""

import logging
import time
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from gan.data.module import ImageData
from gan.data.registry import TOY_DISTRIBUTIONS
from gan.runs.series import FCD, QUALITY
from gan.training.callbacks.monitor import GameMonitor
from gan.training.callbacks.quality import FEWEST, GeneratorQuality, QualityMonitor, why_unmeasured
from gan.training.game_module import GameModule
from gan.training.trainer_parts import callbacks_of

logger = logging.getLogger(__name__)
IN_THE_BAR = ("train/d_loss", "train/g_loss", FCD)


def attach(trainer: L.Trainer) -> None:
    """Add both callbacks before all others, which can then monitor the values. A `GameMonitor` logs by itself."""
    missing: list[L.Callback] = [] if callbacks_of(trainer, GameMonitor) else [SelfLog()]
    missing += [] if callbacks_of(trainer, ValidationQuality) else [ValidationQuality()]
    trainer.callbacks[:0] = missing  # type: ignore[attr-defined]  # set by a connector


class SelfLog(GameMonitor):
    """The rows of `GameMonitor`, by ``self.log``: for Lightning's loggers, progress bars, checkpoints, early stopping.

    The step of a row is the one of Lightning's loggers, which counts minibatches. The statistics of the game stay until
    the next minibatch, so that a callback of the user's own can take them too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_logged = False  # the statistics in the game's record

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "is_logged": self._is_logged}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._begin(pl_module)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._since = time.perf_counter()  # time between epochs is not training time

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._is_logged:
            assert isinstance(pl_module, GameModule)
            pl_module.record.clear()
            self._is_logged = False

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Nothing: `GameMonitor` writes TensorBoard's page HPARAMS, which needs a run's settings."""

    def _log_updates(self, trainer: L.Trainer, game: L.LightningModule, ends_epoch: bool = False) -> None:
        if not self._is_logged:
            super()._log_updates(trainer, game, ends_epoch)

    def _take(self, game: GameModule) -> dict[str, Tensor]:
        self._is_logged = True
        return game.record.compute()

    def _log(self, trainer: L.Trainer, values: dict[str, Any], ends_epoch: bool) -> None:
        values = {name: float(value) for name, value in values.items() if name != "epoch"}
        log(trainer, values, on_step=not ends_epoch)


class ValidationQuality(L.Callback):
    """Measures the generator in ``validate``, ``test`` and the validation of ``fit``, as `QualityMonitor` does.

    The number of generated images is that of the images in the batches: ``limit_val_batches`` changes it.
    `ImageData` gives 2000 held-out images for validation and all of them for ``test``.
    """

    def __init__(self) -> None:
        self._count = 0
        self._quality: GeneratorQuality | None = None  # keeps the features of the real images
        self._said = ""

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._count = 0

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._count += len(batch if isinstance(batch, Tensor) else batch[0])

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        is_fit = trainer.state.fn == TrainerFn.FITTING
        if trainer.sanity_checking or (is_fit and callbacks_of(trainer, QualityMonitor)):
            return
        assert isinstance(pl_module, GameModule)
        why = self._why_not(trainer)
        if why:
            if why != self._said and trainer.is_global_zero:
                logger.warning("quality is not measured: %s", why)
            self._said = why
            return
        measured = self._measure(trainer, pl_module) if trainer.is_global_zero else {}
        measured = trainer.strategy.broadcast(measured)
        log(trainer, {QUALITY + name: value for name, value in measured.items()}, on_step=False)

    on_test_epoch_start = on_validation_epoch_start
    on_test_batch_end = on_validation_batch_end
    on_test_epoch_end = on_validation_epoch_end

    def _why_not(self, trainer: L.Trainer) -> str:
        data = trainer.datamodule  # type: ignore[attr-defined]  # set by a connector
        if not isinstance(data, ImageData):
            return "the real images of gan.ImageData are needed"
        if data.loaded.name not in TOY_DISTRIBUTIONS and self._count < FEWEST:
            return f"{self._count} images in the batches, {FEWEST} or more needed"
        return why_unmeasured(data)

    def _measure(self, trainer: L.Trainer, game: GameModule) -> dict[str, float]:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        known = self._quality
        if known is None or known.n != self._count or known.data is not data:
            self._quality = known = GeneratorQuality(data, self._count)
        known.prepare(game.device)
        return known.measure(game)


def log(trainer: L.Trainer, values: dict[str, float], on_step: bool) -> None:
    """Log values, which are equal in all processes, by the module's ``self.log``."""
    for in_the_bar in (True, False):
        chosen = {name: value for name, value in values.items() if (name in IN_THE_BAR) is in_the_bar}
        trainer.lightning_module.log_dict(
            chosen,
            prog_bar=in_the_bar,
            on_step=on_step,
            on_epoch=not on_step,
            batch_size=1,
            sync_dist=not on_step,
        )
