"""Keeps the whole game, so that it can go on."""

from pathlib import Path

import lightning.pytorch as L


class LastCheckpoint(L.callbacks.Checkpoint):
    """Writes the run folder's checkpoints/last.ckpt after every epoch.

    Not ModelCheckpoint: with ``save_top_k=0`` it saves at the end alone, and it never saves while ``global_step``
    stands still, as in the discriminator's epochs of alternating ones.
    """

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.save_checkpoint(Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt")  # on all ranks
