"""Batches of a training set that lives in memory as one tensor: indexed, and normalised there."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gan.data.normalization import normalize
from gan.system.errors import ConfigError, counted
from gan.system.random_streams import stream_seed


class ResidentLoader:
    """An iterable over the batches of one epoch, for one rank; any number of times.

    The order of epoch e is a function of (seed, e) alone: the same after a resume and on every rank. Each rank takes
    its contiguous part of every global batch, so that the ranks' batches put together, in rank order, are the batch
    that a single process would see.

    Args:
        images: at rest, uint8 (N, C, H, W) or float32 points (N, 2, 1, 1), on any device; the batches come out on it.
        labels: int64 (N,), on the same device.
        batch_size: images per global batch, over all ranks together.
        shuffle: a new order in each epoch; else the order of the file.
        drop_last: leave out the last batch if it is short. If it is kept and there are several ranks, it is trimmed
            to a multiple of ``world_size``, so that all ranks hold equally many (at most world_size - 1 images are
            left out of that epoch, others in the next one when shuffled).
        mean, std: see ``gan.data.normalization``.
        seed: of the order.
        rank, world_size: this process takes part ``rank`` of ``world_size`` equal parts of each batch.

    Raises:
        ConfigError: if ``batch_size`` is not a positive multiple of ``world_size``, or no batch would be left.
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
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._given = 0  # batches of the epoch that is under way
        self._resumed: tuple[int, int] | None = None  # an epoch, and its batches that have been given before
        if len(self) == 0:
            remedy = "a smaller batch_size or data.drop_last=false" if drop_last else "more images"
            raise ConfigError(
                f"data.batch_size={batch_size}: no batch can be made of {counted(len(images), 'image')} "
                f"for {world_size} process(es) with data.drop_last={str(drop_last).lower()}; it takes {remedy}"
            )

    @property
    def sampler(self) -> "ResidentLoader":
        """Itself: Lightning announces each epoch by ``loader.sampler.set_epoch(epoch)``."""
        return self

    @property
    def batch_sampler(self) -> None:
        """None: part of what Lightning asks of anything that has a ``sampler``."""
        return None

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration takes; without it, all epochs are alike."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of batches in an epoch, the same on all ranks."""
        full, rest = divmod(len(self.images), self.batch_size)
        keeps_last = not self.drop_last and rest >= self.world_size
        return full + int(keeps_last)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images float32 (n, C, H, W), normalised, and labels int64 (n,); n = batch_size / world_size or less.

        Of an epoch that ``load_state_dict`` has named, what had not been given then.
        """
        order = self._order().to(self.images.device)
        resumed, self._resumed = self._resumed, None
        first = resumed[1] if resumed is not None and resumed[0] == self.epoch else 0
        for batch in range(first, len(self)):
            self._given = batch + 1
            start = batch * self.batch_size
            count = min(self.batch_size, len(self.images) - start) // self.world_size
            chosen = order.narrow(0, start + self.rank * count, count)
            # index_select copies whole images; indexing, byte by byte, takes four times as long
            images, labels = self.images.index_select(0, chosen), self.labels.index_select(0, chosen)
            yield normalize(images, self.mean, self.std), labels

    def state_dict(self) -> dict[str, int]:
        """Where it is, for a checkpoint: Lightning keeps the state of a loader that has one."""
        return {"epoch": self.epoch, "given": self._given}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on in that epoch after the batches that were given; any other epoch is given whole."""
        self._given = state_dict["given"]
        self._resumed = (state_dict["epoch"], state_dict["given"])

    def _order(self) -> Tensor:
        """The indices of all images, int64 (N,) on the CPU, in the order of this epoch."""
        if not self.shuffle:
            return torch.arange(len(self.images))
        # rank 0's stream on every rank: they share one order and differ in what they take of it
        generator = torch.Generator().manual_seed(stream_seed(self.seed, 0, "data order", self.epoch))
        return torch.randperm(len(self.images), generator=generator)


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
