"""The three reference systems against plain PyTorch loops: the same losses, step by step, and the same weights.

The loops below are written from the tutorials' table, with their own layers, losses and optimizers, and share with
the project nothing but the initial weights and the seeds of each update's latents and dropout masks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from torch import Tensor, nn

from gan.data.module import ImageData
from gan.system.random_streams import stream_seed
from gan.training.build import build_data, build_game
from gan.training.module import GAN

STEPS = 50


def udacity_networks() -> tuple[nn.Module, nn.Module]:
    def block(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2), nn.Dropout(0.3)]

    generator = nn.Sequential(*block(100, 32), *block(32, 64), *block(64, 128), nn.Linear(128, 784), nn.Tanh())
    discriminator = nn.Sequential(*block(784, 128), *block(128, 64), *block(64, 32), nn.Linear(32, 1))
    return generator, discriminator


def kaggle_networks() -> tuple[nn.Module, nn.Module]:
    def block(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Linear(inputs, outputs), nn.LeakyReLU(0.01)]

    generator = nn.Sequential(*block(100, 128), *block(128, 256), nn.Linear(256, 784), nn.Tanh())
    discriminator = nn.Sequential(*block(784, 256), *block(256, 128), nn.Linear(128, 1))
    return generator, discriminator


def slides_networks() -> tuple[nn.Module, nn.Module]:
    def block(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
        return [nn.Linear(inputs, outputs), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]

    generator = nn.Sequential(
        *block(100, 256, 0), *block(256, 512, 0), *block(512, 1024, 0), nn.Linear(1024, 784), nn.Tanh()
    )
    discriminator = nn.Sequential(
        *block(784, 1024, 0.3), *block(1024, 512, 0.3), *block(512, 256, 0.3), nn.Linear(256, 1)
    )
    return generator, discriminator


@dataclass
class Tutorial:
    """What the table says of one system."""

    networks: Callable[[], tuple[nn.Module, nn.Module]]
    latents: Callable[[int], Tensor]
    real_target: float
    concatenated: bool
    lr: float
    batch_size: int


TUTORIALS = {
    "udacity_mnist": Tutorial(udacity_networks, lambda n: torch.empty(n, 100).uniform_(-1, 1), 0.9, False, 2e-3, 64),
    "kaggle_mnist": Tutorial(kaggle_networks, lambda n: torch.randn(n, 100), 1.0, False, 2e-4, 64),
    "slides_mnist": Tutorial(slides_networks, lambda n: torch.randn(n, 100), 1.0, True, 1e-4, 32),
}


def plain_run(
    tutorial: Tutorial, generator: nn.Module, discriminator: nn.Module, batches: Iterator[Tensor], seed: int
) -> tuple[list[float], list[float]]:
    """A tutorial's loop: D's and G's loss of each step. Sigmoid and BCE are taken together, on logits."""
    loss = nn.BCEWithLogitsLoss()
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=tutorial.lr, fused=True)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=tutorial.lr, fused=True)
    d_losses, g_losses = [], []
    for step, real in enumerate(batches):
        count = len(real)
        real_targets = torch.full((count, 1), tutorial.real_target)
        ones, zeros = torch.ones(count, 1), torch.zeros(count, 1)

        torch.manual_seed(stream_seed(seed, 0, "discriminator", step))
        with torch.no_grad():
            fake = generator(tutorial.latents(count))
        if tutorial.concatenated:
            outputs = discriminator(torch.cat([real.flatten(1), fake]))
            d_loss = loss(outputs, torch.cat([real_targets, zeros]))
        else:
            d_loss = loss(discriminator(real.flatten(1)), real_targets)
            d_loss = d_loss + loss(discriminator(fake), zeros)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        torch.manual_seed(stream_seed(seed, 0, "generator", step))
        g_loss = loss(discriminator(generator(tutorial.latents(count))), ones)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()

        d_losses.append(d_loss.item())
        g_losses.append(g_loss.item())
    return d_losses, g_losses


class Losses(L.Callback):
    """Both losses of every step of a Lightning run."""

    def __init__(self) -> None:
        self.d_losses: list[float] = []
        self.g_losses: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        taken = pl_module.record.take()
        self.d_losses.append(taken["d_loss"].item())
        self.g_losses.append(taken["g_loss"].item())


def lightning_run(game: GAN, data: ImageData) -> Losses:
    losses = Losses()
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=STEPS,
        callbacks=[losses],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(game, datamodule=data)
    return losses


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Load by position: the two have the same parameters in the same order under different names."""
    values = list(source.state_dict().values())
    target.load_state_dict(dict(zip(target.state_dict(), values, strict=True)))


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("udacity_mnist", []),
        ("kaggle_mnist", []),
        ("kaggle_mnist", ["data.mean=0", "data.std=1"]),
        ("slides_mnist", []),
    ],
    ids=["udacity", "kaggle", "kaggle on [0, 1]", "slides"],
)
@pytest.mark.parametrize("seed", [0, 7])
def test_tutorial_is_run_exactly(compose_settings: Any, name: str, overrides: list[str], seed: int) -> None:
    tutorial = TUTORIALS[name]
    settings = compose_settings(f"experiment={name}", "data=mnist_sample", f"seed={seed}", *overrides)
    assert settings["data"]["batch_size"] == tutorial.batch_size
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)

    generator, discriminator = tutorial.networks()
    copy_weights(game.generator, generator)
    copy_weights(game.discriminator, discriminator)
    batches = [images for (images, _), _ in zip(data.train_dataloader(), range(STEPS), strict=False)]
    d_losses, g_losses = plain_run(tutorial, generator, discriminator, iter(batches), seed)
    losses = lightning_run(game, data)

    assert len(losses.d_losses) == STEPS
    torch.testing.assert_close(losses.d_losses, d_losses, atol=1e-6, rtol=0)
    torch.testing.assert_close(losses.g_losses, g_losses, atol=1e-6, rtol=0)
    for ours, theirs in ((game.generator, generator), (game.discriminator, discriminator)):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(p, q, atol=0, rtol=0)
