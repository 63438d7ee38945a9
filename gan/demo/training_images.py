"""Nearest training images of a generated image, to see whether it is a copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan.data.registry import NAMES, READ_BY_FORM
from gan.data.resizing import fitted
from gan.data.sources import LoadedImages, load
from gan.generators.bundle_metadata import data_name_of
from gan.generators.trained_generator import TrainedGenerator
from gan.metrics.neighbours import BLOCK, squared_distances
from gan.system.errors import GanError

HELD_OUT = 500  # held-out images for the usual distance


@dataclass(frozen=True)
class Neighbour:
    """A training image near a generated one.

    Attributes:
        image: uint8 (C, H, W). class_name: its class, "" if the dataset has no classes.
        distance: root mean square of the pixel differences, with pixels in [0, 1].
    """

    image: np.ndarray
    class_name: str
    distance: float


class TrainingImages:
    """Training images with a nearest-neighbour search.

    Args:
        data: the dataset.
        shape: (C, H, W) of the generated images.

    Raises:
        GanError: the images of the dataset have another shape.
    """

    def __init__(self, data: LoadedImages, shape: Sequence[int]) -> None:
        if tuple(data.images.shape[1:]) != tuple(shape):
            raise GanError(
                f"nearest training images: the images of {data.name} are {tuple(data.images.shape[1:])}, "
                f"the generated ones {tuple(shape)}"
            )
        self._data = data
        self.origin = data.origin

    def nearest(self, image: np.ndarray, count: int) -> list[Neighbour]:
        """The ``count`` nearest training images to a uint8 image (C, H, W), the nearest first."""
        squares = self._squares(torch.as_tensor(image)[None])[0]
        found = squares.topk(count, largest=False)
        return [
            Neighbour(self._data.images[index].numpy(), self._class_name(index), square**0.5)
            for square, index in zip(found.values.tolist(), found.indices.tolist(), strict=True)
        ]

    @cached_property
    def usual(self) -> dict[str, float] | None:
        """Distances of held-out images to their nearest training image: the median and the 1 % quantile.

        None if the dataset has no held-out images.
        """
        if not len(self._data.held_out_images):
            return None
        chosen = torch.randperm(len(self._data.held_out_images), generator=torch.Generator().manual_seed(0))[:HELD_OUT]
        nearest = self._squares(self._data.held_out_images[chosen]).min(1).values.sqrt().cpu().double()
        return {"median": float(nearest.median()), "least": float(nearest.quantile(0.01)), "images": len(chosen)}

    def _squares(self, images: Tensor) -> Tensor:
        """Mean squared differences (N, M) of uint8 images (N, C, H, W) to all training images."""
        flat = _pixels(images)
        parts = [squared_distances(flat, _pixels(part)) for part in self._data.images.split(BLOCK)]
        return torch.cat(parts, dim=1) / flat.shape[1]

    def _class_name(self, index: int) -> str:
        return self._data.class_names[int(self._data.labels[index])] if self._data.class_names else ""


def _pixels(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) -> float32 (N, C·H·W) in [0, 1]."""
    return images.flatten(1).float() / 255


class TrainingSets:
    """The datasets that models were trained on, each loaded once, on first use.

    Args:
        root: folder of the datasets; nothing is downloaded, and a missing dataset is replaced by its bundled sample.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[tuple[Any, ...], TrainingImages] = {}

    def of(self, generator: TrainedGenerator) -> TrainingImages:
        """The training images of a generator, in the size and channels of its images.

        Raises:
            GanError: its bundle does not name the dataset, the dataset is missing, or it cannot have this shape.
        """
        name, seed = data_name_of(generator.metadata), (generator.metadata.get("trained") or {}).get("seed")
        split = (generator.metadata.get("data") or {}).get("split")
        key = (name, split, seed, generator.image_shape)
        if not name:
            raise GanError("nearest training images: this bundle does not name its training data")
        if name not in NAMES or name in READ_BY_FORM:
            raise GanError(f"nearest training images: dataset '{name}' cannot be loaded by its name")
        if key not in self._read:
            channels, height, width = generator.image_shape
            known_seed = seed if isinstance(seed, int) else 0
            loaded = load(name, self._root, split=split, download=False, seed=known_seed)
            if height == width and channels in (1, 3):
                loaded = fitted(loaded, height, channels)
            self._read[key] = TrainingImages(loaded, generator.image_shape)
        return self._read[key]
