"""The DataModule: normalised batches of a dataset on the device and for the rank of the Trainer."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from torch import Tensor

from gan.data.clusters import cluster_images
from gan.data.custom import load_custom
from gan.data.download import wait_for_fetch
from gan.data.loaded import LoadedImages
from gan.data.loader import NumberLoader, ResidentLoader
from gan.data.registry import (
    OPTIONS,
    ClassOrder,
    DatasetName,
    Fit,
    HeldOut,
    ImageChannels,
    ImageSize,
    OnBroken,
    StackedBase,
    check_choice,
    check_values,
)
from gan.data.same_images import check_same_images
from gan.data.sources import load
from gan.system import process
from gan.system.ranges import PositiveFloat, PositiveInt

logger = logging.getLogger(__name__)
VALIDATION_IMAGES, VALIDATION_BATCH, PREDICTED_IMAGES = 2000, 500, 64


class ImageData(L.LightningDataModule):
    """A dataset of small images, resident in memory and on the device.

    Args:
        name: name of the dataset: mnist, cifar10, folder, …
        root: folder of the datasets, in torchvision's layout: <root>/MNIST/raw/….
        batch_size: images in one minibatch, over all devices together.
        batch_size_of: whether batch_size is for all devices together, or for each of them.
        shuffle: a new order of the images in each epoch; false: the order of the files.
        drop_last: leave out the last minibatch of an epoch if it is short.
        mean: images are (x - mean) / std with x in [0, 1]; 0.5 and 0.5 give [-1, 1], 0 and 1 give [0, 1].
        std: images are (x - mean) / std with x in [0, 1].
        on_missing: if the dataset is neither there nor downloadable: the bundled sample, after a warning, or an error.
        download: download missing or damaged files.
        split: split of EMNIST, or of a dataset of torchvision; null: its default.
        folder: folder of the pictures, for data=folder.
        file: file of the images, for data=array: .npz, .npy or .pt.
        dataset: class in torchvision.datasets, for data=torchvision.
        of: dataset that stacked_mnist stacks; null: mnist.
        image_size: height and width of the resized images; null: as they are.
        image_channels: 1 makes the images grey, 3 gives them three channels; null: as they are.
        seed: seed of the order of the images, and of points and stacks.
        fit: oblong images become squares: crop takes the middle, pad adds black bars; null: they are an error.
        flip: mirror each training image left to right with probability 1/2, each time that it is used. Measures
            compare with the images as they are, as in StyleGAN2-ADA, so their numbers are comparable without it.
        held_out: held-out images: a fraction of the images, or a folder of pictures; null: a test split, or a tenth.
        on_broken: pictures of a folder that cannot be read: an error, or skip leaves them out.
        class_order: order of class folders: natural, 2 before 10, or by name, 10 before 2.
        source: function that returns the images, instead of a dataset of this package; see `gan.data.custom`.

    Raises:
        DataError: a setting is unknown, out of range, or not accepted by this dataset.
    """

    name: str  # Lightning's own attribute, which may be None there

    def __init__(
        self,
        name: DatasetName,
        root: str = "data",
        *,
        batch_size: PositiveInt = 64,
        batch_size_of: Literal["all", "each"] = "all",
        shuffle: bool = True,
        drop_last: bool = False,
        mean: float = 0.5,
        std: PositiveFloat = 0.5,
        on_missing: Literal["sample", "error"] = "sample",
        download: bool = True,
        split: str | None = None,
        folder: str | None = None,
        file: str | None = None,
        dataset: str | None = None,
        of: StackedBase | None = None,
        image_size: ImageSize | None = None,
        image_channels: ImageChannels | None = None,
        seed: int = 0,
        fit: Fit | None = None,
        flip: bool = False,
        held_out: HeldOut | None = None,
        on_broken: OnBroken = "error",
        class_order: ClassOrder = "natural",
        source: Callable[[], Any] | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "name", "source", "__class__")}
        super().__init__()
        self.options: dict[str, Any] = {option: given[option] for option in OPTIONS}
        if source is None:
            check_choice(name, flip=flip, **self.options)
        check_values(ImageData.__init__, given)
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
        self.flip = flip
        self.seed = seed
        self._source = source
        self._loaded: LoadedImages | None = None
        self._resident: tuple[Tensor, Tensor] | None = None
        self._clusters: Tensor | None = None

    def prepare_data(self) -> None:
        """Load and verify the dataset; only local rank 0 downloads. A second call does nothing.

        Lightning calls this in one process per node while the others wait; it can also be called without a Trainer.

        Raises:
            DataError: see ``gan.data.sources.load``.
        """
        if self._loaded is None:
            if self.download and not self._may_download:
                wait_for_fetch(Path(self.root).expanduser())
            self._loaded = self._read()  # kept, so that setup does not read it again or repeat a failed download
            if process.local_rank() == 0:
                self._warn(self._loaded)

    def _warn(self, loaded: LoadedImages) -> None:
        if loaded.substitute_for is not None:
            logger.warning("%s", loaded.origin)
        if self.batch_size > len(loaded.images) and not self.drop_last:
            images = f"all {len(loaded.images):,} training images"
            logger.warning("data.batch_size: %s given; each batch has %s", f"{self.batch_size:,}", images)

    def _read(self) -> LoadedImages:
        if self._source is not None:
            form = {name: self.options[name] for name in ("image_size", "image_channels", "fit", "held_out")}
            return load_custom(self.name, self._source, seed=self.seed, **form)
        return load(
            self.name,
            self.root,
            download=self._may_download,
            on_missing=self.on_missing,
            seed=self.seed,
            **self.options,
        )

    def setup(self, stage: str | None = None) -> None:
        """Load the images, and move them to the Trainer's device if there is a Trainer. Can be called repeatedly.

        Raises:
            DataError: see ``gan.data.sources.load``.
        """
        self.prepare_data()
        device = self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")
        if self._resident is None or self._resident[0].device != device:
            self._resident = (self.loaded.images.to(device), self.training_labels.to(device))

    def find_clusters(self, clusters: int) -> tuple[float, ...]:
        """Train on clusters of the training images from now on, instead of their labels: see `gan.data.clusters`.

        Measures use the labels as before.

        Args:
            clusters: their number, 2 or more.

        Returns:
            The fraction of the training images in each cluster.

        Raises:
            DataError: there are too few images for so many clusters.
        """
        self._clusters = cluster_images(self.loaded.images, clusters, self.seed)
        self._resident = None
        self.setup()
        return self.cluster_shares

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
            check_same_images(world_size, images, self.name, is_custom=self._source is not None)
        return ResidentLoader(
            images,
            labels,
            batch_size=self.batch_size * (world_size if self.batch_size_of == "each" else 1),
            shuffle=self.shuffle and not (trainer is not None and trainer.overfit_batches > 0),
            drop_last=self.drop_last,
            mean=self.mean,
            std=self.std,
            seed=self.seed,
            flip=self.flip,
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
    def training_labels(self) -> Tensor:
        """The labels that the networks are trained with, int64 (N,), on the CPU: classes, or clusters."""
        return self.loaded.labels if self._clusters is None else self._clusters

    @property
    def cluster_shares(self) -> tuple[float, ...]:
        """The fraction of the training images in each cluster; empty without `find_clusters`."""
        if self._clusters is None:
            return ()
        return tuple(count / len(self._clusters) for count in torch.bincount(self._clusters).tolist())

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
