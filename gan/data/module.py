"""The DataModule: a set by its name, as normalised batches, on the device and for the rank of the Trainer."""

import logging
import math
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from gan.data.download import wait_for_fetch
from gan.data.loaded import LoadedImages
from gan.data.loader import ResidentLoader
from gan.data.registry import check_choice
from gan.data.sources import ON_MISSING, load
from gan.system import process
from gan.system.errors import DataError, unknown_name

logger = logging.getLogger(__name__)


class ImageData(L.LightningDataModule):
    """A data set of small images, resident in memory and on the device.

    Args:
        name: which set; see ``gan.data.registry``.
        root: data folder in torchvision's layout.
        batch_size: images per training batch, over all devices together.
        shuffle: a new order in each epoch; else the order of the file.
        drop_last: leave out the last batch of an epoch if it is short.
        mean, std: images are (x - mean) / std with x in [0, 1]; 0.5 and 0.5 give [-1, 1].
        on_missing: "sample" goes on with the bundled sample when the set cannot be had; "error" stops.
        download: may the network be used when files are missing or broken?
        split: EMNIST's split; None for its default and for all other sets.
        folder: of pictures, for the set "folder"; None for all others.
        of: what "stacked_mnist" stacks; None for its default, "mnist", and for all other sets.
        image_size: pixels, 16 … 128: images are made squares of this size; None leaves them as they are.
        image_channels: 1 makes them grey, 3 gives them three channels; None leaves them as they are.
        seed: of the order of the images, and of points and stacks.
        fit: for the set "folder": oblong pictures become squares by "crop" or "pad"; None: they are an error.
        on_broken: for the set "folder": pictures that cannot be read are an "error", or "skip" leaves them out.
        class_order: for the set "folder": "natural", class 2 before 10, or "name", as text.

    Raises:
        DataError: for a setting that does not exist, is out of range, or is not for this set.
    """

    name: str  # Lightning's own attribute, which may be None there

    def __init__(
        self,
        name: str,
        root: str = "data",
        *,
        batch_size: int = 64,
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
        check_choice(
            name, split=split, folder=folder, of=of, image_size=image_size, image_channels=image_channels,
            fit=fit, on_broken=on_broken, class_order=class_order,
        )  # fmt: skip
        if on_missing not in ON_MISSING:
            raise DataError(unknown_name("data.on_missing", on_missing, ON_MISSING))
        if not math.isfinite(mean):
            raise DataError(f"data.mean={mean}: must be a finite number")
        if not (math.isfinite(std) and std > 0):
            raise DataError(f"data.std={std}: must be a number above 0")
        self.name = name
        self.root = root
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.mean = mean
        self.std = std
        self.on_missing = on_missing
        self.download = download
        self.split = split
        self.folder = folder
        self.of = of
        self.image_size = image_size
        self.image_channels = image_channels
        self.seed = seed
        self.fit = fit
        self.on_broken = on_broken
        self.class_order = class_order
        self._loaded: LoadedImages | None = None
        self._resident: tuple[Tensor, Tensor] | None = None

    def prepare_data(self) -> None:
        """Have the set on the disk, verified; only local rank 0 uses the network. Does nothing the second time.

        Lightning calls this on one process per node while the others wait; it may also be called by hand, before
        there is a Trainer.

        Raises:
            DataError: as ``gan.data.sources.load``.
        """
        if self._loaded is None:
            if self.download and not self._may_download:
                wait_for_fetch(Path(self.root).expanduser())
            # What was read is kept: setup need not read it again, nor try a failed download a second time.
            self._loaded = load(
                self.name,
                self.root,
                self.split,
                self._may_download,
                self.on_missing,
                self.folder,
                self.of,
                self.image_size,
                self.image_channels,
                self.seed,
                self.fit,
                self.on_broken,
                self.class_order,
            )
            if self._loaded.substitute_for is not None and process.local_rank() == 0:
                logger.warning("%s", self._loaded.origin)

    def setup(self, stage: str | None = None) -> None:
        """Load the images, and move them to the Trainer's device if there is one. May be called early, and again.

        Raises:
            DataError: as ``gan.data.sources.load``.
        """
        self.prepare_data()
        device = self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")
        if self._resident is None or self._resident[0].device != device:
            self._resident = (self.loaded.images.to(device), self.loaded.labels.to(device))

    def train_dataloader(self) -> ResidentLoader:
        """The batches of this rank: images float32 (n, C, H, W), normalised, and labels int64 (n,).

        In the order of the file where the Trainer is to overfit some of them (``overfit_batches``).

        Raises:
            ConfigError: if the devices cannot share ``batch_size`` equally.
            DataError: if the processes hold different data: some the full set, some its sample.
        """
        if self._resident is None:
            raise RuntimeError("ImageData.train_dataloader() before ImageData.setup()")
        images, labels = self._resident
        trainer: Any = self.trainer
        if trainer is not None and trainer.world_size > 1:
            _check_same_on_all_ranks(trainer, len(images), self.name)
        return ResidentLoader(
            images,
            labels,
            batch_size=self.batch_size,
            shuffle=self.shuffle and not (trainer is not None and trainer.overfit_batches > 0),
            drop_last=self.drop_last,
            mean=self.mean,
            std=self.std,
            seed=self.seed,
            rank=trainer.global_rank if trainer is not None else 0,
            world_size=trainer.world_size if trainer is not None else 1,
        )

    @property
    def loaded(self) -> LoadedImages:
        """The whole set at rest on the CPU, after ``setup``."""
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
        """0 where the set has no classes; its labels are all 0 then."""
        return len(self.loaded.class_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """One per class; empty where the set has none."""
        return self.loaded.class_names

    @property
    def origin(self) -> str:
        """A sentence: what the images are and where they came from."""
        return self.loaded.origin

    @property
    def substitute_for(self) -> str | None:
        """Name of the set that was asked for, when the bundled sample stands in its place; else None."""
        return self.loaded.substitute_for

    @property
    def train_images(self) -> int:
        """How many images there are to train on."""
        return len(self.loaded.images)

    @property
    def held_out(self) -> tuple[Tensor, Tensor]:
        """Images at rest (M, C, H, W) and labels int64 (M,) that are never trained on, on the CPU."""
        return self.loaded.held_out_images, self.loaded.held_out_labels

    @property
    def _may_download(self) -> bool:
        return self.download and process.local_rank() == 0


def _check_same_on_all_ranks(trainer: L.Trainer, count: int, name: str) -> None:
    """Every rank raises, or none: one that goes on alone would wait for the others for ever."""
    counts = [0] * trainer.world_size
    torch.distributed.all_gather_object(counts, count)
    if len(set(counts)) > 1:
        raise DataError(
            f"data={name}: the processes hold different data ({', '.join(f'{count:,}' for count in counts)} images); "
            "start again when the set is on every node's disk, or use data.on_missing=error"
        )
