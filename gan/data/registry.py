"""Which data sets there are: their names, what each holds, and which settings of `data` are for which of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gan.data.mnist_like import SAMPLES, SAMPLES_FOLDER, SOURCES, Half, Sample, Source
from gan.system.errors import DataError, unknown_name

__all__ = [
    "ARCHIVES",
    "CLASS_ORDERS",
    "FITS",
    "FOLDER",
    "IMAGE_SIZES",
    "NAMES",
    "ON_BROKEN",
    "POINT_SHAPE",
    "SAMPLES",
    "SAMPLES_FOLDER",
    "SOURCES",
    "STACKED",
    "STACKED_BASES",
    "WORLDS",
    "Archive",
    "Half",
    "Sample",
    "Source",
    "World",
    "check_choice",
    "find_source",
    "known_shape",
]

FOLDER = "folder"
STACKED = "stacked_mnist"
STACKED_BASES = ("mnist", "mnist_sample", "fashion", "fashion_sample", "kmnist", "qmnist")  # ten classes each
IMAGE_SIZES = (16, 128)  # pixels: the least and the most that `data.image_size` makes, and that a folder may hold
FITS = ("crop", "pad")  # how a picture of a folder becomes a square
ON_BROKEN = ("error", "skip")  # what is done with a picture of a folder that cannot be read
CLASS_ORDERS = ("natural", "name")  # of a folder: 2 before 10, or as text
POINT_SHAPE = (2, 1, 1)  # of a point of the plane, as an "image": no set of pictures has two channels


@dataclass(frozen=True)
class Archive:
    """A data set that comes as one archive of binary files: CIFAR-10.

    A record is 3,073 bytes: the label, then 32 x 32 red values row by row, then green, then blue. The edition for
    Python, torchvision's, holds the same images as pickles, which run code when they are read; it is not used.

    Attributes:
        address, sha256: of the archive, and what it must be.
        folder: the archive's own, also under the data root.
        train_files, test_files: in this folder; ``records`` images in each.
        sample, split: None, as for a `Source` without them.
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
            # the page itself gives its md5, c32a1d4ab5d03f1284b67883e8d87530; this is what others have found it to be
            sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            folder=Path("cifar-10-batches-bin"),
            train_files=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
            test_files=("test_batch.bin",),
            records=10_000,
        )
    }
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """A mixture of equally likely round Gaussians in the plane, to try games on where everything can be seen.

    Coordinates are at rest, in [0, 1]: the default ``data.mean=data.std=0.5`` makes them [-1, 1].

    Attributes:
        centres: (x, y) of each mode.
        std: standard deviation of every mode, along each axis.
        convention: where centres and std are from, in the units of the papers.
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
    """From [-1.25, 1.25], with the outermost modes at -1 and 1, to [0, 1]."""
    return 0.5 + coordinate / 2.5


# Lin et al. 2018, "PacGAN: The power of two samples in generative adversarial networks", after Srivastava et al. 2017,
# "VEEGAN". The ring: radius 1, std 0.01. The grid: from -4 to 4 in steps of 2, std 0.05.
WORLDS: Mapping[str, World] = MappingProxyType(
    {
        "ring": World(
            "ring",
            "8 Gaussians on a circle",
            tuple((_plane(math.cos(k * math.pi / 4)), _plane(math.sin(k * math.pi / 4))) for k in range(8)),
            0.01 / 2.5,
            "PacGAN's 2D ring: radius 1, standard deviation 0.01",
        ),
        "grid": World(
            "grid",
            "25 Gaussians on a 5 x 5 grid",
            tuple((_plane(x / 4), _plane(y / 4)) for x in range(-4, 5, 2) for y in range(-4, 5, 2)),
            0.05 / 4 / 2.5,
            "PacGAN's 2D grid: spacing 2, standard deviation 0.05",
        ),
    }
)

NAMES = (*SOURCES, *SAMPLES, *ARCHIVES, STACKED, FOLDER, *WORLDS)


def find_source(name: str, split: str | None = None) -> Source | Sample | Archive:
    """The files of a set that has some of its own: of this name (and split).

    Raises:
        DataError: if there is no such set, or the set has no such split.
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
    """Raise DataError for a set that does not exist, or for a setting that is not for this set or out of range."""
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
        if name in WORLDS and value is not None:
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
    """What a `data` node will give, as far as that can be told without reading a file.

    Args:
        settings: the node, in plain containers; settings that are left out are taken as null.

    Returns:
        Image shape (C, H, W), and number of classes. Of a folder the classes are None, for they are known only once it
        is read; so is the shape, unless ``image_size`` and ``image_channels`` both say it. The bundled sample, where it
        takes the place of a set, has that set's shape and classes.

    Raises:
        DataError: as `check_choice`.
    """
    asked: dict[str, Any] = {
        name: settings.get(name) for name in ("split", "folder", "of", "image_size", "image_channels")
    }
    name, size, channels = settings["name"], asked["image_size"], asked["image_channels"]
    check_choice(name, **asked)
    if name in WORLDS:
        return POINT_SHAPE, len(WORLDS[name].centres)
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
