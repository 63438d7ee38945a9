"""A Lightning callback that draws real images and, after each epoch, images generated from fixed latents."""

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from numpy.typing import NDArray
from torch import Tensor

from gan.data.module import ImageData
from gan.data.normalization import denormalize, dtype_at_rest
from gan.game.networks.adapting import generate
from gan.game.networks.evaluation_mode import evaluating
from gan.generators import pictures
from gan.runs import file_names
from gan.system.errors import at_least_one
from gan.system.files import write_bytes
from gan.training.game_module import GameModule
from gan.training.trainer_parts import image_data

MOST_CLASS_COLUMNS = 32
MOST_BYTES = 2**27  # of the images of all epochs; `gan show` reads up to twice as much


class SampleGrids(L.Callback):
    """Draws images from fixed latents, with the generator in eval mode, before training and after every epoch.

    The generator is ``game.final_generator``, which is the average if there is one. The callback writes into the run
    folder's ``samples/``: ``real.png``, ``epoch_0000.png`` (before training), …, ``progress.gif`` at the end, and
    ``fixed_latents.npz`` with all images so far: ``images`` uint8 (epochs, count, C, H, W), ``epochs`` (epochs,),
    ``latents`` (count, latent_dim), and for a conditional generator ``labels`` (count,). Loggers that accept images
    also get the grids. The random numbers of the training do not change.

    For a conditional generator, labels cycle through the classes, and each column of the grid is one class if there are
    not too many. 2-D data are drawn as a scatter plot with the real points below; then ``images`` are float32,
    (epochs, points, 2, 1, 1), in the units of the stored data.

    If the images of all epochs take more than `MOST_BYTES`, only those of every 2nd, 4th, … epoch and of the last one
    are kept there and in progress.gif; the pictures of all epochs stay.

    A resumed run keeps the images up to the epoch that it resumes from, and removes later ones. If they are from other
    latents, for example with another ``count``, it keeps none.

    Args:
        count: number of images in a grid; for a conditional generator, rounded down to full rows.
        scale: each pixel is drawn as scale x scale; a scatter plot is 160 x scale pixels high and wide.
        points: number of points drawn, for 2-D data.
    """

    def __init__(self, count: int = 64, scale: int = 2, points: int = 1000) -> None:
        at_least_one(count=count, scale=scale, points=points)
        self.count = count
        self.scale = scale
        self.points = points
        self._epochs: list[int] = []
        self._images: list[NDArray[Any]] = []
        self._real: NDArray[Any] = np.zeros(0)
        self._columns: int | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        game, data = _game(pl_module), image_data(trainer)
        z, labels = self._latents(game, data)
        self._real = _real_images(data, len(z), labels).numpy()
        for logger in trainer.loggers:
            if game.turns == 0 or not isinstance(logger, TensorBoardLogger):  # other loggers begin a new run
                log_picture(logger, "samples/real", self._picture(), trainer.global_step)
        write_bytes(self._folder(trainer) / "real.png", pictures.png(self._picture()))

        self._epochs, self._images = [], []
        if game.turns == 0:  # the weights are the initial ones
            self._draw(trainer, game, epoch=0)
        else:
            kept = self._folder(trainer) / file_names.LATENTS
            shape = (len(z), *data.image_shape)
            self._epochs, self._images = _pictures_so_far(kept, trainer.current_epoch, shape, z, labels)
            for path in self._folder(trainer).glob("epoch_*.png"):
                if path.stem[6:].isdecimal() and int(path.stem[6:]) > trainer.current_epoch:
                    path.unlink()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero:
            self._draw(trainer, pl_module, epoch=trainer.current_epoch + 1)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero and self._images:
            frames = [self._picture(images) for images in self._images]
            write_bytes(self._folder(trainer) / "progress.gif", pictures.gif(frames))

    def _draw(self, trainer: L.Trainer, game: L.LightningModule, epoch: int) -> None:
        game, data = _game(game), image_data(trainer)
        z, labels = self._latents(game, data)
        generator = game.final_generator
        with evaluating(generator), torch.no_grad():
            fake = generate(generator, z, labels)
        images = denormalize(fake, data.mean, data.std, dtype_at_rest(data.image_shape)).cpu().numpy()
        stride = _stride(epoch, images.nbytes)
        kept = [(old, its) for old, its in zip(self._epochs, self._images, strict=True) if old % stride == 0]
        self._epochs, self._images = [*(old for old, _ in kept), epoch], [*(its for _, its in kept), images]
        picture = self._picture(images)
        for logger in trainer.loggers:
            log_picture(logger, "samples/fixed latents", picture, trainer.global_step)
        write_bytes(self._folder(trainer) / f"epoch_{epoch:04d}.png", pictures.png(picture))
        arrays: dict[str, Any] = {
            "images": np.stack(self._images),
            "epochs": np.array(self._epochs),
            "latents": z.cpu().numpy(),
        }
        if labels is not None:
            arrays["labels"] = labels.cpu().numpy()
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_bytes(self._folder(trainer) / file_names.LATENTS, buffer.getvalue())

    def _latents(self, game: GameModule, data: ImageData) -> tuple[Tensor, Tensor | None]:
        """z (count, latent_dim) and, for a conditional generator, labels (count,) that cycle through the classes."""
        if dtype_at_rest(data.image_shape) != torch.uint8:
            return game.fixed_latents(self.points, "fixed samples")
        self._columns = class_columns(self.count, data.num_classes) if game.conditional else None
        return game.fixed_latents(self.count - self.count % (self._columns or 1), "fixed samples")

    def _picture(self, fake: NDArray[Any] | None = None) -> pictures.Pixels:
        """A grid of images, or generated points on top of real ones. Without ``fake``: the real data only."""
        if self._real.dtype == np.uint8:
            return pictures.grid(self._real if fake is None else fake, columns=self._columns, scale=self.scale)
        return pictures.scatter(self._real[:0] if fake is None else fake, self._real, size=160 * self.scale)

    @staticmethod
    def _folder(trainer: L.Trainer) -> Path:
        return Path(trainer.default_root_dir) / file_names.SAMPLES


def _stride(epoch: int, size: int) -> int:
    """The smallest power of 2 so that the images of every such epoch, ``size`` bytes each, fit into `MOST_BYTES`."""
    stride = 1
    while (epoch // stride + 2) * size > MOST_BYTES and stride <= epoch:
        stride *= 2
    return stride


def class_columns(count: int, num_classes: int) -> int | None:
    """Number of columns of a grid of ``count`` images with cycling labels, so that each column is one class.

    This is a multiple of the number of classes that makes the grid as square as possible. None if the grid would have
    a single row or more than 32 columns.
    """
    if not 0 < num_classes <= min(count // 2, MOST_CLASS_COLUMNS):
        return None
    return num_classes * max(1, round(math.sqrt(count) / num_classes))


def _real_images(data: ImageData, count: int, labels: Tensor | None) -> Tensor:
    """The first stored images, (count, C, H, W) or fewer; with labels, the first images of these classes."""
    loaded = data.loaded
    if labels is None:
        return loaded.images[:count]
    images = torch.zeros(count, *data.image_shape, dtype=loaded.images.dtype)  # black if there are too few
    for label in labels.cpu().unique():
        places = torch.nonzero(labels.cpu() == label)[:, 0]
        found = torch.nonzero(loaded.labels == label)[: len(places), 0]
        images[places[: len(found)]] = loaded.images[found]
    return images


def _pictures_so_far(
    file: Path, epoch: int, shape: tuple[int, ...], z: Tensor, labels: Tensor | None
) -> tuple[list[int], list[NDArray[Any]]]:
    """Epochs up to ``epoch`` and their images of ``shape``; none if the file has other or fewer latents or labels."""
    try:
        # Read first, because numpy does not close the handle of a broken file.
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        for name in ("latents", "labels"):  # earlier versions kept those of an incomplete last row too
            arrays[name] = arrays.get(name, np.zeros(0))[: len(z)]
        arrays["images"] = arrays["images"][:, : len(z)]
        same = np.array_equal(arrays["latents"], z.cpu().numpy())
        same &= np.array_equal(arrays["labels"], [] if labels is None else labels.cpu().numpy())
        if not same or arrays["images"].shape[1:] != shape:
            return [], []
        kept = [(int(e), images) for e, images in zip(arrays["epochs"], arrays["images"], strict=True) if e <= epoch]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # missing, or not written by this callback
        return [], []
    return [e for e, _ in kept], [images for _, images in kept]


def _game(module: L.LightningModule) -> GameModule:
    assert isinstance(module, GameModule)
    return module


def log_picture(logger: Logger, name: str, picture: pictures.Pixels, step: int) -> None:
    """Log an image, uint8 (C, H, W), to TensorBoard, Weights & Biases or MLflow; other loggers are skipped."""
    last_channel = picture.transpose(1, 2, 0)
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(name, picture, step)
    elif isinstance(logger, WandbLogger):
        logger.log_image(name, [last_channel], step=step)
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_image(logger.run_id, last_channel, key=name, step=step)
