"""LastCheckpoint: the whole game after every epoch, also while the generator rests."""

from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, Play

from gan.training.callbacks import LastCheckpoint


@pytest.mark.parametrize("schedule", ["steps", "alternating_epochs"])
def test_after_every_epoch_it_holds_that_epoch(play: Play, schedule: str) -> None:
    kept: list[int] = []

    class Look(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            trainer.strategy.checkpoint_io.teardown()  # the file is written
            file = Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt"
            kept.append(torch.load(file, weights_only=True)["game"]["turns"] if file.exists() else 0)

    play(f"schedule={schedule}", "trainer.max_epochs=4", callbacks=[LastCheckpoint(), Look()])
    assert kept == [0, BATCHES, 2 * BATCHES, 3 * BATCHES]
