"""The discriminator's loss from one batch of real and fake images: the same as from two, except for rounding."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from gan.game.augmentation import DiffAugment, InstanceNoise
from gan.game.latents import Prior
from gan.game.networks import DCGANDiscriminator, MLPDiscriminator, MLPGenerator
from gan.game.updates import Game

SHAPE = (1, 16, 16)
REAL, LABELS = torch.rand(6, *SHAPE) * 2 - 1, torch.arange(6) % 3


def mlp(**settings: Any) -> MLPDiscriminator:
    return MLPDiscriminator(image_shape=SHAPE, hidden=[8, 8], num_classes=3, **{"dropout": 0.0, **settings})


def batches_of_discriminator(discriminator: nn.Module, d_batch: Any, **parts: Any) -> Any:
    """Sizes of the batches that D gets in an update, D's loss and its weights afterwards."""
    torch.manual_seed(0)
    discriminator = copy.deepcopy(discriminator)
    generator = MLPGenerator(image_shape=SHAPE, latent_dim=4, hidden=[8])
    game = Game(generator, discriminator, prior=Prior("normal", 4), d_batch=d_batch, **parts)
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    sizes: list[int] = []
    trunk = getattr(discriminator, "trunk", discriminator)
    trunk.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    game.update_discriminator(REAL, LABELS, optimizer)
    return sizes, game.record.take()["d_loss"], [p.detach() for p in discriminator.parameters()]


@pytest.mark.parametrize(
    ("discriminator", "parts"),
    [
        (mlp(), {}),
        (mlp(normalization="layer"), {}),
        (mlp(conditioning="projection"), {}),
        (mlp(conditioning="concat"), {}),
        (mlp(conditioning="auxiliary"), {}),
        (mlp(conditioning="projection_twin"), {}),
        (DCGANDiscriminator(image_shape=SHAPE, base_channels=2, normalization="none"), {}),
        (mlp(), {"instance_noise": InstanceNoise(0.1)}),
        (mlp(), {"augmentation": DiffAugment(policy=["translation"])}),
    ],
    ids=[
        "plain",
        "layer norm",
        "projection",
        "concat",
        "auxiliary",
        "twin",
        "convolutions",
        "instance noise",
        "augmentation",
    ],
)
def test_one_pass_changes_rounding_only(discriminator: nn.Module, parts: dict[str, Any]) -> None:
    sizes, loss, weights = batches_of_discriminator(discriminator, "separate", **parts)
    assert sizes == [6, 6]
    sizes, other_loss, other_weights = batches_of_discriminator(discriminator, "one_pass", **parts)
    assert sizes == [12]
    torch.testing.assert_close(other_loss, loss)
    torch.testing.assert_close(other_weights, weights)
