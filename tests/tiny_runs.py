"""What tiny real runs are made of: a handful of random images, and ears that hear every number of the game."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.loggers import Logger

from gan.data.module import ImageData
from gan.data.sources import LoadedImages
from gan.game.statistics import GameStatistics
from gan.training.module import GAN

IMAGES = 22  # in minibatches of 4: five, and a short one of 2
BATCHES = 6
TINY = (
    "data=mnist_sample",
    "data.batch_size=4",
    "model.latent_dim=3",
    "model.generator.hidden=[8]",
    "model.discriminator.hidden=[8]",
    "optimizer.lr=0.01",
    "accelerator=cpu",
    "callbacks=none",
    "logger=none",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=2",
)


def few_images(size: int = 6) -> LoadedImages:
    drawn = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (IMAGES + 6, 1, size, size), dtype=torch.uint8, generator=drawn)
    labels = torch.arange(IMAGES + 6) % 2
    return LoadedImages(
        pixels[:IMAGES],
        labels[:IMAGES],
        pixels[IMAGES:],
        labels[IMAGES:],
        "few",
        ("even", "odd"),
        "a few random images",
    )


class Rows(Logger):
    """Keeps what is logged: (step, values) in order."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, dict[str, float]]] = []

    name = "rows"
    version = ""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        assert step is not None
        self.rows.append((step, dict(metrics)))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        pass

    def having(self, name: str) -> list[tuple[int, float]]:
        return [(step, values[name]) for step, values in self.rows if name in values]


@dataclass
class Losses:
    """Every loss of a run, in order, by the epoch that it belongs to."""

    d: list[tuple[int, float]] = field(default_factory=list)
    g: list[tuple[int, float]] = field(default_factory=list)


class EveryStep(GameStatistics):
    """A record that also keeps every single loss, whoever takes the rest."""

    def __init__(self, game: GAN, losses: Losses) -> None:
        super().__init__(game.objective)
        self._game, self._heard = game, losses

    def add_discriminator(
        self, d_loss: torch.Tensor, real_logits: torch.Tensor, fake_logits: torch.Tensor, weight: float = 1.0
    ) -> None:
        self._heard.d.append((self._game.current_epoch, d_loss.item()))
        super().add_discriminator(d_loss, real_logits, fake_logits, weight)

    def add_generator(self, g_loss: torch.Tensor, weight: float = 1.0) -> None:
        self._heard.g.append((self._game.current_epoch, g_loss.item()))
        super().add_generator(g_loss, weight)


@dataclass
class Run:
    """A run that has ended."""

    game: GAN
    trainer: L.Trainer
    data: ImageData
    folder: Path
    logged: Rows
    losses: Losses


def noted(run: Run, name: str) -> list[tuple[int, float]]:
    """What was logged under ``train/`` by this name: (step, value) in order."""
    return run.logged.having(f"train/{name}")


Play = Callable[..., Run]
Compose = Callable[..., dict[str, Any]]
