"""Keeps the whole game, so that it can go on."""

from pathlib import Path
from typing import Any

import lightning.pytorch as L

from gan.divergence import check_finite
from gan.module import GAN


class LastCheckpoint(L.callbacks.Checkpoint):
    """Writes the run folder's checkpoints/last.ckpt after every epoch.

    Not ModelCheckpoint: with ``save_top_k=0`` it saves at the end alone, and it never saves while ``global_step``
    stands still, as in the discriminator's epochs of alternating ones.

    Raises:
        Diverged: a weight is not finite; the file stays as it was.
    """

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        _save(trainer, pl_module, "last.ckpt")


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
            _save(trainer, pl_module, "best.ckpt")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]


def _save(trainer: L.Trainer, game: L.LightningModule, name: str) -> None:
    """Called on all ranks; nothing is written of a game that has diverged."""
    assert isinstance(game, GAN)
    run_dir = Path(trainer.default_root_dir)
    check_finite(game, run_dir)
    trainer.save_checkpoint(run_dir / "checkpoints" / name)
