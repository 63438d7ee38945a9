"""`trainer.overfit_batches`: the same minibatches in every epoch."""

from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import Play


class Seen(L.Callback):
    def __init__(self) -> None:
        self.epochs: dict[int, list[torch.Tensor]] = {}

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.epochs.setdefault(trainer.current_epoch, []).append(batch[0].clone())


@pytest.mark.filterwarnings("ignore:You requested to overfit")
@pytest.mark.parametrize(("overfit", "batches"), [("1", 1), ("2", 2), ("0.4", 2)])
def test_every_epoch_has_the_same_minibatches(play: Play, overfit: str, batches: int) -> None:
    seen = Seen()
    play(f"+trainer.overfit_batches={overfit}", "trainer.max_epochs=3", "trainer.log_every_n_steps=1", callbacks=[seen])
    assert [len(epoch) for epoch in seen.epochs.values()] == [batches] * 3
    for epoch in (1, 2):
        torch.testing.assert_close(seen.epochs[epoch], seen.epochs[0], rtol=0, atol=0)
