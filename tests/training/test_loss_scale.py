"""Steps that float16's loss scaler leaves out, for gradients that are not finite, are not counted as updates."""

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, Play, Run


class FakeScaler:
    """A loss scale of 1 that leaves out the steps with these numbers (from 0, of both networks), and is then halved."""

    def __init__(self, left_out: Sequence[int]) -> None:
        self.left_out, self.steps, self._scale = left_out, 0, torch.tensor(2.0**16)

    def get_scale(self) -> float:
        return float(self._scale)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        if self.steps in self.left_out:
            self._scale = self._scale / 2
        else:
            optimizer.step()
        self.steps += 1


class Scaled(L.Callback):
    """Puts the scaler in the place of float16's, which a CPU does not have."""

    def __init__(self, *left_out: int) -> None:
        self.scaler = FakeScaler(left_out)

    def setup(self, trainer: L.Trainer, pl_module: Any, stage: str) -> None:
        plugin: Any = trainer.precision_plugin
        plugin.scaler = self.scaler
        plugin.optimizer_step = lambda optimizer, model, closure, **kwargs: self.scaler.step(optimizer)


def counts(run: Run) -> tuple[int, int, int, int]:
    return run.game.turns, run.game.d_updates, run.game.g_updates, run.trainer.global_step


@pytest.mark.parametrize(
    ("left_out", "d_updates", "g_updates"),
    [((), BATCHES, BATCHES), ((0,), BATCHES - 1, BATCHES - 1), ((1,), BATCHES, BATCHES - 1), ((0, 2), 5, 4)],
    ids=["none", "a step of D, for which G waits", "a step of G", "one of each"],
)
def test_a_step_that_is_left_out_is_no_update(
    play: Play, left_out: tuple[int, ...], d_updates: int, g_updates: int
) -> None:
    run = play("trainer.max_epochs=1", "ema=standard", callbacks=[Scaled(*left_out)])
    assert counts(run) == (BATCHES, d_updates, g_updates, g_updates)


def test_max_steps_are_those_that_were_taken(play: Play) -> None:
    run = play("trainer.max_epochs=9", "trainer.max_steps=4", callbacks=[Scaled(1, 3)])
    assert counts(run) == (6, 6, 4, 4)


def test_nothing_that_follows_an_update_follows_a_step_that_is_left_out(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[str] = []
    monkeypatch.setattr("gan.game.ema.GeneratorEMA.update", lambda *arguments: followed.append("average"))
    monkeypatch.setattr("gan.game.penalties.Clipping.after_update", lambda *arguments: followed.append("clipping"))
    monkeypatch.setattr(
        "gan.game.augmentation.Augmentation.after_update", lambda *arguments: followed.append("augmentation")
    )
    # minibatch by minibatch: both; D's step is left out and G waits; D, and G's step is left out; both
    words = ("trainer.max_epochs=1", "trainer.limit_train_batches=4", "ema=standard")
    play(*words, "objective=wasserstein", "penalty=clipping", "augmentation=diffaugment", callbacks=[Scaled(2, 4)])
    of_d = ["clipping", "augmentation"]
    assert followed == [*of_d, "average", *of_d, *of_d, "average"]
