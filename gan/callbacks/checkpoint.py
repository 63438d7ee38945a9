"""Keeps the whole game, so that it can go on."""

from pathlib import Path
from typing import Any

import lightning.pytorch as L


class LastCheckpoint(L.callbacks.Checkpoint):
    """Writes the run folder's checkpoints/last.ckpt after every epoch.

    Not ModelCheckpoint: with ``save_top_k=0`` it saves at the end alone, and it never saves while ``global_step``
    stands still, as in the discriminator's epochs of alternating ones.
    """

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.save_checkpoint(_folder(trainer) / "last.ckpt")  # on all ranks


class BestCheckpoint(L.callbacks.Checkpoint):
    """Writes the run folder's checkpoints/best.ckpt after every epoch that has the lowest value so far.

    Not ModelCheckpoint: that refuses a run whose data set cannot be measured, and this one then keeps nothing.

    Args:
        monitor: a name in ``trainer.callback_metrics``, such as those of `QualityMonitor`.

    Attributes:
        best: the lowest value so far; None if there is none.
    """

    def __init__(self, monitor: str = "quality/fcd") -> None:
        self.monitor = monitor
        self.best: float | None = None

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.monitor not in trainer.callback_metrics:
            return
        value = float(trainer.callback_metrics[self.monitor])
        if self.best is None or value < self.best:
            self.best = value
            trainer.save_checkpoint(_folder(trainer) / "best.ckpt")  # on all ranks

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]


def _folder(trainer: L.Trainer) -> Path:
    return Path(trainer.default_root_dir) / "checkpoints"
