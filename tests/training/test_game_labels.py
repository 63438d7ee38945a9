"""Classes and codes in the game: which the fakes have, and what both players learn of them."""

from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, Play, noted
from torch import Tensor

from gan.training.callbacks import GameMonitor

CONDITIONAL = ("model.generator.conditioning=concat",)
INFOGAN = ("model.codes.categorical=[3,2]", "model.codes.continuous=2")


@pytest.mark.parametrize("discriminator", ["concat", "projection", "auxiliary", "projection_twin"])
def test_fakes_have_the_classes_of_the_minibatch(play: Play, discriminator: str) -> None:
    asked: list[Tensor] = []
    given: list[Tensor] = []

    class Watch(L.Callback):
        def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            pl_module.generator.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[1].clone()))

        def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            given.extend([batch[1].clone()] * 2)  # for D's update and for G's

    run = play(*CONDITIONAL, f"model.discriminator.conditioning={discriminator}", callbacks=[Watch(), GameMonitor()])
    assert len(asked) == 4 * BATCHES
    assert all(torch.equal(one, other) for one, other in zip(asked, given, strict=True))
    for player in "dg":
        losses = noted(run, f"{player}_class_loss")
        assert bool(losses) == (discriminator in ("auxiliary", "projection_twin"))


def test_the_classifiers_loss_is_weighted_for_both_players(play: Play) -> None:
    words = (*CONDITIONAL, "model.discriminator.conditioning=auxiliary", "trainer.max_epochs=1")
    free = play(*words, "game.auxiliary_losses.class_weight=0")
    bound = play(*words, "game.auxiliary_losses.class_weight=5")
    assert free.losses.d[0] == bound.losses.d[0]  # what is recorded is the game's own loss
    assert free.losses.d[1] != bound.losses.d[1]
    assert free.losses.g[0] != bound.losses.g[0]


def test_codes_are_guessed_from_fakes_and_both_players_learn_it(play: Play) -> None:
    run = play(*INFOGAN, "optimizer.lr=0.02", "trainer.max_epochs=60", callbacks=[GameMonitor()])
    assert run.game.prior.width == 3 + 3 + 2 + 2
    for player in "dg":
        losses = [value for _, value in noted(run, f"{player}_information_loss")]
        assert len(losses) > 100
        assert sum(losses[-10:]) < 0.75 * sum(losses[:10])
