"""What the tests of SampleGrids look at: the pictures of a short run, and what is kept of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.data.loaded import LoadedImages
from gan.data.module import ImageData
from gan.training.module import GAN

Train = Callable[..., GAN]


def images_of(monkeypatch: pytest.MonkeyPatch, loaded: LoadedImages) -> ImageData:
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: loaded)
    return ImageData("mnist_sample", batch_size=4)


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "samples" / "fixed_latents.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def pixels(folder: Path, name: str) -> np.ndarray:
    with Image.open(folder / "samples" / name) as picture:
        return np.asarray(picture)


def frames(folder: Path) -> int:
    with Image.open(folder / "samples" / "progress.gif") as animation:
        return getattr(animation, "n_frames", 0)


def drawn(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "samples").glob("epoch_*.png"))
