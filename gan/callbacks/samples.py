"""Pictures of the game: real images, and what the generator makes of the same latents, epoch by epoch."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from gan import pictures
from gan.data.module import ImageData
from gan.data.normalization import denormalize
from gan.errors import at_least_one
from gan.files import write_bytes
from gan.latents import fixed_latents
from gan.module import GAN


class SampleGrids(L.Callback):
    """Draws ``count`` fixed latents through the generator, in eval mode, before training and after every epoch.

    In the run folder: ``samples/real.png``, ``samples/epoch_0000.png`` (before training) and on, ``progress.gif`` at
    the end, and ``fixed_latents.npz`` with all of the images so far: ``images`` uint8 (epochs, count, C, H, W),
    ``epochs`` (epochs,) and ``latents`` (count, latent_dim). TensorBoard gets the grids too. Training's random numbers
    are left alone.

    Args:
        count: images in a grid.
        scale: each pixel is drawn as scale x scale.
    """

    def __init__(self, count: int = 64, scale: int = 2) -> None:
        at_least_one(count=count, scale=scale)
        self.count = count
        self.scale = scale
        self._epochs: list[int] = []
        self._images: list[pictures.Pixels] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, ImageData)
        real = data.loaded.images[: self.count].numpy()
        self._show(trainer, "real", real)
        write_bytes(self._folder(trainer) / "real.png", pictures.png(self._grid(real)))
        kept = self._folder(trainer) / "fixed_latents.npz"
        if trainer.current_epoch > 0 and kept.exists():  # a resumed run goes on with the pictures that are there
            with np.load(kept) as arrays:
                self._epochs, self._images = arrays["epochs"].tolist(), list(arrays["images"])
        if trainer.current_epoch == 0:
            self._draw(trainer, pl_module, epoch=0)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero:
            self._draw(trainer, pl_module, epoch=trainer.current_epoch + 1)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero:
            frames = [self._grid(images) for images in self._images]
            write_bytes(self._folder(trainer) / "progress.gif", pictures.gif(frames))

    def _draw(self, trainer: L.Trainer, game: L.LightningModule, epoch: int) -> None:
        assert isinstance(game, GAN)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        z = fixed_latents(game.prior, self.count, game.latent_dim, seed=game.seed, purpose="fixed samples")
        with evaluating(game.generator), torch.no_grad():
            fake = game.generator(z.to(game.device))
        images = denormalize(fake, data.mean, data.std).cpu().numpy()
        self._epochs.append(epoch)
        self._images.append(images)
        self._show(trainer, "fixed latents", images)
        write_bytes(self._folder(trainer) / f"epoch_{epoch:04d}.png", pictures.png(self._grid(images)))
        buffer = io.BytesIO()
        np.savez(buffer, images=np.stack(self._images), epochs=np.array(self._epochs), latents=z.numpy())
        write_bytes(self._folder(trainer) / "fixed_latents.npz", buffer.getvalue())

    def _grid(self, images: pictures.Pixels) -> pictures.Pixels:
        return pictures.grid(images, scale=self.scale)

    def _show(self, trainer: L.Trainer, name: str, images: pictures.Pixels) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(f"samples/{name}", self._grid(images), trainer.global_step)

    @staticmethod
    def _folder(trainer: L.Trainer) -> Path:
        return Path(trainer.default_root_dir) / "samples"


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Eval mode inside the block; afterwards every part of the network is in the mode that it was in."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
