"""A loader of normalised batches from a training set that is one tensor in memory."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gan.data.normalization import normalize
from gan.system.errors import ConfigError, counted
from gan.system.random_streams import stream_seed


class ResidentLoader:
    """The batches of one epoch for one rank; it can be iterated repeatedly.

    The order of epoch e depends on (seed, e) only: it is the same after a resume and on every rank. Each rank takes a
    contiguous part of every global batch. The parts in rank order are the batch of a single process.

    Args:
        images: uint8 (N, C, H, W) or float32 points (N, 2, 1, 1), on any device, which is also that of the batches.
        labels: int64 (N,), on the same device.
        batch_size: images per global batch, over all ranks together.
        shuffle: a new order in each epoch; else the order of the file.
        drop_last: leave out the last batch if it is short. Otherwise, with several ranks, it is trimmed to a multiple
            of ``world_size``, so that all ranks have the same number of images; at most world_size - 1 images are left
            out of an epoch.
        mean, std: see ``gan.data.normalization``.
        seed: seed of the order, and of the mirrored images.
        flip: mirror each image left to right with probability 1/2.
        rank, world_size: this process takes part number ``rank`` of ``world_size`` equal parts of each batch.

    Raises:
        ConfigError: ``batch_size`` is not a positive multiple of ``world_size``, or there would be no batch.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        *,
        batch_size: int,
        shuffle: bool,
        drop_last: bool,
        mean: float,
        std: float,
        seed: int,
        flip: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        check_batch_size(batch_size, world_size)
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.mean = mean
        self.std = std
        self.seed = seed
        self.flip = flip
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._given = 0  # batches yielded in the current epoch
        self._resumed: tuple[int, int] | None = None  # an epoch, and the number of its batches that were yielded before
        if len(self) == 0:
            remedy = "a smaller batch_size or data.drop_last=false" if drop_last else "more images"
            raise ConfigError(
                f"data.batch_size={batch_size}: no batch can be made of {counted(len(images), 'image')} "
                f"for {world_size} process(es) with data.drop_last={str(drop_last).lower()}; use {remedy}"
            )

    @property
    def sampler(self) -> "ResidentLoader":
        """The loader itself: Lightning calls ``loader.sampler.set_epoch(epoch)`` for each epoch."""
        return self

    @property
    def batch_sampler(self) -> None:
        """None; Lightning requires it of an object with a ``sampler``."""
        return None

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch whose order the next iteration uses."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of batches in an epoch, the same on all ranks."""
        full, rest = divmod(len(self.images), self.batch_size)
        keeps_last = not self.drop_last and rest >= self.world_size
        return full + int(keeps_last)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images float32 (n, C, H, W), normalised, and labels int64 (n,); n = batch_size / world_size or less.

        After ``load_state_dict``, the epoch of that state yields its remaining batches only.
        """
        order = self._order().to(self.images.device)
        resumed, self._resumed = self._resumed, None
        first = resumed[1] if resumed is not None and resumed[0] == self.epoch else 0
        for batch in range(first, len(self)):
            self._given = batch + 1
            start = batch * self.batch_size
            count = min(self.batch_size, len(self.images) - start) // self.world_size
            chosen = order.narrow(0, start + self.rank * count, count)
            # index_select copies whole images and is four times as fast as indexing
            images, labels = self.images.index_select(0, chosen), self.labels.index_select(0, chosen)
            if self.flip:
                images = torch.where(self._mirrored(batch, count), images.flip(3), images)
            yield normalize(images, self.mean, self.std), labels

    def _mirrored(self, batch: int, count: int) -> Tensor:
        """Which of this rank's images are mirrored, bool (count, 1, 1, 1); the same in a resumed run.

        Drawn for the global batch, so that an image is mirrored whichever rank has it.
        """
        device = self.images.device
        generator = torch.Generator(device)
        generator.manual_seed(stream_seed(self.seed, 0, f"flip in epoch {self.epoch}", batch))
        drawn = torch.rand(count * self.world_size, generator=generator, device=device) < 0.5
        return drawn.narrow(0, self.rank * count, count).view(count, 1, 1, 1)

    def state_dict(self) -> dict[str, int]:
        """The position in the epoch, which Lightning saves in checkpoints."""
        return {"epoch": self.epoch, "given": self._given}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Continue in that epoch after the batches that were yielded; other epochs are complete."""
        self._given = state_dict["given"]
        self._resumed = (state_dict["epoch"], state_dict["given"])

    def _order(self) -> Tensor:
        """The order of this epoch: indices of all images, int64 (N,), on the CPU."""
        if not self.shuffle:
            return torch.arange(len(self.images))
        # rank 0's stream on every rank, so that all ranks have the same order
        generator = torch.Generator().manual_seed(stream_seed(self.seed, 0, "data order", self.epoch))
        return torch.randperm(len(self.images), generator=generator)


class NumberLoader:
    """The numbers 0 … count - 1, int64, in batches."""

    def __init__(self, count: int, batch_size: int = 64) -> None:
        self.count = count
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(self.count / self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        yield from torch.arange(self.count).split(self.batch_size)


def check_batch_size(batch_size: int, world_size: int) -> None:
    """Raise ConfigError unless ``batch_size`` is a positive multiple of the number of processes."""
    if batch_size < 1:
        raise ConfigError(f"data.batch_size={batch_size}: must be 1 or more")
    if batch_size % world_size:
        below = batch_size // world_size * world_size
        nearest = f"{below} or {below + world_size}" if below else f"{world_size}"
        raise ConfigError(
            f"data.batch_size={batch_size}: must be a multiple of {world_size}, the number of processes, which share "
            f"each batch equally; nearest: {nearest}"
        )
