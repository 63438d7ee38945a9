"""Classes and codes in the game: which the fakes have, and what both players learn of them."""

from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, Play, noted
from torch import Tensor
from torch.nn import functional as F

from gan import GAN
from gan.game.latents import Prior
from gan.game.losses import AuxiliaryLosses, non_saturating_g_loss
from gan.game.networks import MLPDiscriminator, MLPGenerator
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


def test_each_twin_learns_from_its_images_and_g_from_the_difference() -> None:
    shape, labels = (1, 4, 4), torch.tensor([0, 2, 1, 2])
    torch.manual_seed(0)
    discriminator = MLPDiscriminator(image_shape=shape, num_classes=3, hidden=[8], conditioning="projection_twin")
    generator = MLPGenerator(latent_dim=3, image_shape=shape, num_classes=3, hidden=[8], conditioning="concat")
    game = GAN(generator, discriminator, prior=Prior("normal", 3), auxiliary_losses=AuxiliaryLosses(class_weight=0.5))
    real, z = torch.randn(4, *shape), torch.randn(4, 3)
    own, twin = discriminator.class_head, discriminator.twin_class_head
    assert own is not None
    assert twin is not None
    game.discriminator_loss(real, labels, z).backward()
    with torch.no_grad():
        fake = generator(z, labels)
    for head, images in ((own, real), (twin, fake)):
        loss = 0.5 * F.cross_entropy(head(discriminator.features(images, labels)), labels)
        torch.testing.assert_close(head.weight.grad, torch.autograd.grad(loss, head.weight)[0])
    output = discriminator.discriminate(generator(z, labels), labels)
    assert output.class_logits is not None
    assert output.twin_class_logits is not None
    classes = F.cross_entropy(output.class_logits, labels) - F.cross_entropy(output.twin_class_logits, labels)
    expected = non_saturating_g_loss(output.logits, None) + 0.5 * classes
    torch.testing.assert_close(game.generator_loss(real, labels, z), expected)


def test_codes_are_guessed_from_fakes_and_both_players_learn_it(play: Play) -> None:
    run = play(*INFOGAN, "optimizer.lr=0.02", "trainer.max_epochs=60", callbacks=[GameMonitor()])
    assert run.game.prior.width == 3 + 3 + 2 + 2
    for player in "dg":
        losses = [value for _, value in noted(run, f"{player}_information_loss")]
        assert len(losses) > 100
        assert sum(losses[-10:]) < 0.75 * sum(losses[:10])
