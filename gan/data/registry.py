"""The registry of datasets: names, specifications, and the settings of `data` that each one accepts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gan.data.mnist_like import SAMPLES, SOURCES, DatasetSpec, Sample
from gan.system.errors import DataError, unknown_name

FOLDER = "folder"
STACKED = "stacked_mnist"
STACKED_BASES = ("mnist", "mnist_sample", "fashion", "fashion_sample", "kmnist", "qmnist")  # ten classes each
IMAGE_SIZES = (16, 128)  # pixels: minimum and maximum of `data.image_size`, and of the pictures of a folder
FITS = ("crop", "pad")  # how a picture of a folder becomes a square
ON_BROKEN = ("error", "skip")  # for pictures of a folder that cannot be read
CLASS_ORDERS = ("natural", "name")  # of class folders: 2 before 10, or sorted as text
POINT_SHAPE = (2, 1, 1)  # of a point as an "image": no dataset of pictures has two channels


@dataclass(frozen=True)
class Archive:
    """A dataset in one archive of binary files: CIFAR-10.

    A record is 3,073 bytes: the label, then 32 x 32 red values row by row, then green, then blue. The Python
    edition, which torchvision uses, holds the same images as pickles; reading a pickle can run code, so it is not used.

    Attributes:
        address, sha256: URL and checksum of the archive.
        folder: the folder in the archive, and under the data root.
        train_files, test_files: files in this folder, with ``records`` images each.
        sample, split: None, as for a `DatasetSpec` without them.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    address: str
    sha256: str
    folder: Path
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    records: int
    sample: None = None
    split: None = None

    @property
    def files(self) -> tuple[str, ...]:
        return *self.train_files, *self.test_files


ARCHIVES: Mapping[str, Archive] = MappingProxyType(
    {
        "cifar10": Archive(
            name="cifar10",
            title="CIFAR-10",
            class_names=(
                "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
            ),
            address="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",  # 170,052,171 bytes
            # the page gives its md5 only, c32a1d4ab5d03f1284b67883e8d87530; this sha256 is from third parties
            sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            folder=Path("cifar-10-batches-bin"),
            train_files=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
            test_files=("test_batch.bin",),
            records=10_000,
        )
    }
)  # fmt: skip


@dataclass(frozen=True)
class ToyDistribution:
    """A mixture of equally likely isotropic Gaussians in the plane.

    Coordinates are in [0, 1]; the default ``data.mean=data.std=0.5`` normalises them to [-1, 1].

    Attributes:
        centres: (x, y) of each mode.
        std: standard deviation of every mode along each axis.
        convention: the source of centres and std, in the units of the papers.
    """

    name: str
    title: str
    centres: tuple[tuple[float, float], ...]
    std: float
    convention: str

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(f"mode {number}" for number in range(len(self.centres)))


def _plane(coordinate: float) -> float:
    """Map [-1.25, 1.25], with the outermost modes at -1 and 1, to [0, 1]."""
    return 0.5 + coordinate / 2.5


# Lin et al. 2018, "PacGAN: The power of two samples in generative adversarial networks", after Srivastava et al. 2017,
# "VEEGAN". The ring: radius 1, std 0.01. The grid: from -4 to 4 in steps of 2, std 0.05.
TOY_DISTRIBUTIONS: Mapping[str, ToyDistribution] = MappingProxyType(
    {
        "ring": ToyDistribution(
            "ring",
            "8 Gaussians on a circle",
            tuple((_plane(math.cos(k * math.pi / 4)), _plane(math.sin(k * math.pi / 4))) for k in range(8)),
            0.01 / 2.5,
            "PacGAN's 2D ring: radius 1, standard deviation 0.01",
        ),
        "grid": ToyDistribution(
            "grid",
            "25 Gaussians on a 5 x 5 grid",
            tuple((_plane(x / 4), _plane(y / 4)) for x in range(-4, 5, 2) for y in range(-4, 5, 2)),
            0.05 / 4 / 2.5,
            "PacGAN's 2D grid: spacing 2, standard deviation 0.05",
        ),
    }
)

NAMES = (*SOURCES, *SAMPLES, *ARCHIVES, STACKED, FOLDER, *TOY_DISTRIBUTIONS)


def find_source(name: str, split: str | None = None) -> DatasetSpec | Sample | Archive:
    """The specification of a dataset that has files.

    Raises:
        DataError: the dataset does not exist, or does not have this split.
    """
    _check_split(name, split)
    if name in SAMPLES:
        return SAMPLES[name]
    if name in ARCHIVES:
        return ARCHIVES[name]
    return next(iter(SOURCES[name].values())) if split is None else SOURCES[name][split]


def check_choice(
    name: str,
    *,
    split: str | None = None,
    folder: str | None = None,
    of: str | None = None,
    image_size: int | None = None,
    image_channels: int | None = None,
    fit: str | None = None,
    on_broken: str = "error",
    class_order: str = "natural",
) -> None:
    """Raise DataError for an unknown dataset, or for a setting that this dataset does not accept or that is invalid."""
    _check_split(name, split)
    if name == FOLDER and not folder:
        raise DataError(
            "data=folder: which folder of pictures? Give data.folder=PATH, with pictures PATH/….png, "
            "or PATH/CLASS/….png where they have classes"
        )
    if name != FOLDER and folder is not None:
        raise DataError(
            f"data.folder={folder}: '{name}' is no folder of pictures; only folder is. Leave data.folder out"
        )
    _check_folder_settings(name, fit, on_broken, class_order)
    if name != STACKED and of is not None:
        raise DataError(f"data.of={of}: '{name}' is not made of another set; only {STACKED} is. Leave data.of out")
    if of is not None and of not in STACKED_BASES:
        raise DataError(unknown_name("data.of", of, STACKED_BASES))
    least, most = IMAGE_SIZES
    if image_size is not None and not least <= image_size <= most:
        raise DataError(f"data.image_size={image_size}: must be from {least} to {most} pixels, or null for no change")
    if image_channels not in (None, 1, 3):
        raise DataError(f"data.image_channels={image_channels}: must be 1 (grey), 3 (colour), or null for no change")
    for setting, value in {"image_size": image_size, "image_channels": image_channels}.items():
        if name in TOY_DISTRIBUTIONS and value is not None:
            raise DataError(f"data.{setting}={value}: '{name}' has points, not pictures. Leave data.{setting} out")


def _check_folder_settings(name: str, fit: str | None, on_broken: str, class_order: str) -> None:
    given = {
        "fit": (fit, None, FITS),
        "on_broken": (on_broken, "error", ON_BROKEN),
        "class_order": (class_order, "natural", CLASS_ORDERS),
    }
    for setting, (value, default, allowed) in given.items():
        if value != default and name != FOLDER:
            raise DataError(
                f"data.{setting}={value}: '{name}' is no folder of pictures; only folder is. Leave data.{setting} out"
            )
        if value != default and value not in allowed:
            raise DataError(unknown_name(f"data.{setting}", str(value), allowed))


def known_shape(settings: Mapping[str, Any]) -> tuple[tuple[int, int, int] | None, int | None]:
    """Image shape and number of classes of a `data` node, as far as they are known without reading a file.

    Args:
        settings: the node in plain containers; missing settings are null.

    Returns:
        Image shape (C, H, W), and number of classes. The classes of a folder are unknown (None); its shape is known
        only if ``image_size`` and ``image_channels`` are both given. The bundled sample of a dataset has the same shape
        and classes as the dataset.

    Raises:
        DataError: see `check_choice`.
    """
    asked: dict[str, Any] = {
        name: settings.get(name) for name in ("split", "folder", "of", "image_size", "image_channels")
    }
    name, size, channels = settings["name"], asked["image_size"], asked["image_channels"]
    check_choice(name, **asked)
    if name in TOY_DISTRIBUTIONS:
        return POINT_SHAPE, len(TOY_DISTRIBUTIONS[name].centres)
    if name == FOLDER:
        return ((channels, size, size) if size and channels else None), None
    if name == STACKED:
        own, classes = (3, 28), 1000
    else:
        own, classes = ((3, 32) if name in ARCHIVES else (1, 28)), len(find_source(name, asked["split"]).class_names)
    size = size or own[1]
    return (channels or own[0], size, size), classes


def _check_split(name: str, split: str | None) -> None:
    if name not in NAMES:
        raise DataError(unknown_name("data.name", name, NAMES))
    if split is None:
        return
    splits = [key for key in SOURCES.get(name, {}) if key is not None]
    if not splits:
        raise DataError(f"data.split={split}: '{name}' has no splits; only emnist has. Leave data.split out")
    if split not in splits:
        raise DataError(unknown_name("data.split", split, splits))
