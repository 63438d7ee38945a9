"""The DataModule: normalised batches of a dataset on the device and for the rank of the Trainer."""

import logging
import math
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from torch import Tensor

from gan.data.download import wait_for_fetch
from gan.data.loaded import LoadedImages
from gan.data.loader import NumberLoader, ResidentLoader
from gan.data.registry import check_choice
from gan.data.sources import ON_MISSING, load
from gan.system import process
from gan.system.errors import DataError, unknown_name
from gan.system.ranges import PositiveInt

logger = logging.getLogger(__name__)
VALIDATION_IMAGES, VALIDATION_BATCH, PREDICTED_IMAGES = 2000, 500, 64


class ImageData(L.LightningDataModule):
    """A dataset of small images, resident in memory and on the device.

    Args:
        name: name of the dataset; see ``gan.data.registry``.
        root: data folder in torchvision's layout.
        batch_size: images in one minibatch, over all devices together.
        batch_size_of: batch_size is for all devices together, or for each of them.
        shuffle: a new order in each epoch; else the order of the file.
        drop_last: leave out the last batch of an epoch if it is short.
        mean, std: images are (x - mean) / std with x in [0, 1]; 0.5 and 0.5 give [-1, 1].
        on_missing: "sample" uses the bundled sample if the dataset is not available; "error" raises.
        download: whether missing or damaged files may be downloaded.
        split: EMNIST's split; None for its default and for other datasets.
        folder: path of the pictures for "folder"; None for other datasets.
        of: dataset that "stacked_mnist" stacks; None for "mnist" and for other datasets.
        image_size: height and width of the resized images, 16 … 128 pixels; None for no change.
        image_channels: 1 for grey, 3 for three channels; None for no change.
        seed: seed of the order of the images, and of points and stacks.
        fit: for "folder": makes pictures square by "crop" or "pad"; None if other pictures are an error.
        on_broken: for "folder": pictures that cannot be read are an "error", or "skip" leaves them out.
        class_order: for "folder": "natural", class 2 before 10, or "name", sorted as text.

    Raises:
        DataError: a setting is unknown, out of range, or not accepted by this dataset.
    """

    name: str  # Lightning's own attribute, which may be None there

    def __init__(
        self,
        name: str,
        root: str = "data",
        *,
        batch_size: PositiveInt = 64,
        batch_size_of: Literal["all", "each"] = "all",
        shuffle: bool = True,
        drop_last: bool = False,
        mean: float = 0.5,
        std: float = 0.5,
        on_missing: str = "sample",
        download: bool = True,
        split: str | None = None,
        folder: str | None = None,
        of: str | None = None,
        image_size: int | None = None,
        image_channels: int | None = None,
        seed: int = 0,
        fit: str | None = None,
        on_broken: str = "error",
        class_order: str = "natural",
    ) -> None:
        super().__init__()
        self._options: dict[str, Any] = {
            "split": split, "folder": folder, "of": of, "image_size": image_size, "image_channels": image_channels,
            "fit": fit, "on_broken": on_broken, "class_order": class_order,
        }  # fmt: skip
        check_choice(name, **self._options)
        if on_missing not in ON_MISSING:
            raise DataError(unknown_name("data.on_missing", on_missing, ON_MISSING))
        if not math.isfinite(mean):
            raise DataError(f"data.mean={mean}: must be a finite number")
        if not (math.isfinite(std) and std > 0):
            raise DataError(f"data.std={std}: must be a number above 0")
        self.name = name
        self.root = root
        self.batch_size = batch_size
        self.batch_size_of = batch_size_of
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.mean = mean
        self.std = std
        self.on_missing = on_missing
        self.download = download
        self.folder = folder
        self.seed = seed
        self._loaded: LoadedImages | None = None
        self._resident: tuple[Tensor, Tensor] | None = None

    def prepare_data(self) -> None:
        """Load and verify the dataset; only local rank 0 downloads. A second call does nothing.

        Lightning calls this in one process per node while the others wait; it can also be called without a Trainer.

        Raises:
            DataError: see ``gan.data.sources.load``.
        """
        if self._loaded is None:
            if self.download and not self._may_download:
                wait_for_fetch(Path(self.root).expanduser())
            # kept, so that setup does not read it again or repeat a failed download
            self._loaded = load(
                self.name,
                self.root,
                download=self._may_download,
                on_missing=self.on_missing,
                seed=self.seed,
                **self._options,
            )
            if self._loaded.substitute_for is not None and process.local_rank() == 0:
                logger.warning("%s", self._loaded.origin)

    def setup(self, stage: str | None = None) -> None:
        """Load the images, and move them to the Trainer's device if there is a Trainer. Can be called repeatedly.

        Raises:
            DataError: see ``gan.data.sources.load``.
        """
        self.prepare_data()
        device = self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")
        if self._resident is None or self._resident[0].device != device:
            self._resident = (self.loaded.images.to(device), self.loaded.labels.to(device))

    def train_dataloader(self) -> ResidentLoader:
        """The batches of this rank: images float32 (n, C, H, W), normalised, and labels int64 (n,).

        Not shuffled if the Trainer overfits some of them (``overfit_batches``).

        Raises:
            ConfigError: ``batch_size`` is not a multiple of the number of processes.
            DataError: the processes have different data: some the full dataset, some its sample.
        """
        if self._resident is None:
            raise RuntimeError("ImageData.train_dataloader() before ImageData.setup()")
        images, labels = self._resident
        trainer: Any = self.trainer
        world_size = trainer.world_size if trainer is not None else 1
        if world_size > 1:
            _check_same_on_all_ranks(trainer, len(images), self.name)
        return ResidentLoader(
            images,
            labels,
            batch_size=self.batch_size * (world_size if self.batch_size_of == "each" else 1),
            shuffle=self.shuffle and not (trainer is not None and trainer.overfit_batches > 0),
            drop_last=self.drop_last,
            mean=self.mean,
            std=self.std,
            seed=self.seed,
            rank=trainer.global_rank if trainer is not None else 0,
            world_size=world_size,
        )

    def val_dataloader(self) -> ResidentLoader | list[Any]:
        """The first 2000 held-out images, in every process; `gan.GAN` generates as many and measures their quality."""
        return self._held_out_loader(VALIDATION_IMAGES)

    def test_dataloader(self) -> ResidentLoader | list[Any]:
        """All held-out images, in every process; see `val_dataloader`."""
        return self._held_out_loader(None)

    def predict_dataloader(self) -> NumberLoader:
        """The numbers of 64 images to generate."""
        return NumberLoader(PREDICTED_IMAGES)

    def _held_out_loader(self, most: int | None) -> ResidentLoader | list[Any]:
        images, labels = (held_out[:most] for held_out in self.held_out)
        if not len(images):
            return []
        fixed: dict[str, Any] = {"batch_size": VALIDATION_BATCH, "shuffle": False, "drop_last": False}
        return ResidentLoader(images, labels, mean=self.mean, std=self.std, seed=self.seed, **fixed)

    @property
    def loaded(self) -> LoadedImages:
        """The dataset on the CPU, after ``setup``."""
        if self._loaded is None:
            raise RuntimeError("ImageData: its images are known after setup()")
        return self._loaded

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W); (2, 1, 1) for points."""
        channels, height, width = self.loaded.images.shape[1:]
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 for none, where all labels are 0."""
        return len(self.loaded.class_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; empty without classes."""
        return self.loaded.class_names

    @property
    def origin(self) -> str:
        """A sentence that describes the images and their source."""
        return self.loaded.origin

    @property
    def substitute_for(self) -> str | None:
        """Name of the requested dataset if the bundled sample replaces it; else None."""
        return self.loaded.substitute_for

    @property
    def train_images(self) -> int:
        """Number of training images."""
        return len(self.loaded.images)

    @property
    def held_out(self) -> tuple[Tensor, Tensor]:
        """Held-out images (M, C, H, W) and labels int64 (M,), on the CPU."""
        return self.loaded.held_out_images, self.loaded.held_out_labels

    @property
    def _may_download(self) -> bool:
        return self.download and process.local_rank() == 0


def _check_same_on_all_ranks(trainer: L.Trainer, count: int, name: str) -> None:
    """Raise on all ranks or on none: otherwise one rank would wait for the others forever."""
    counts = [0] * trainer.world_size
    torch.distributed.all_gather_object(counts, count)
    if len(set(counts)) > 1:
        raise DataError(
            f"data={name}: the processes hold different data ({', '.join(f'{count:,}' for count in counts)} images); "
            "start again when the set is on every node's disk, or use data.on_missing=error"
        )
