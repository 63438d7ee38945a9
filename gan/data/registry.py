"""The registry of datasets: names, specifications, and the settings of `data` that each one accepts."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from gan.data.mnist_like import SAMPLES, SOURCES, DatasetSpec, Sample
from gan.system.errors import DataError, unknown_name
from gan.system.ranges import OneOf, Range
from gan.system.value_types import hints_of, problem

FOLDER = "folder"
ARRAY = "array"
TORCHVISION = "torchvision"
READ_BY_FORM = (FOLDER, ARRAY, TORCHVISION)  # sources of any images: their number, size and classes are in the files
STACKED = "stacked_mnist"
STACKED_BASES = ("mnist", "mnist_sample", "fashion", "fashion_sample", "kmnist", "qmnist")  # ten classes each
IMAGE_SIZES = (16, 128)  # pixels: minimum and maximum of `data.image_size`, and of the pictures of a folder
POINT_SHAPE = (2, 1, 1)  # of a point as an "image": no dataset of pictures has two channels
# Allowed values of settings of `data`, for the constructor of `gan.ImageData`.
ImageSize = Annotated[int, Range(least=IMAGE_SIZES[0], most=IMAGE_SIZES[1], unit="pixels")]
ImageChannels = Literal[1, 3]
Fit = Literal["crop", "pad"]  # how an oblong image becomes a square
OnBroken = Literal["error", "skip"]  # for pictures of a folder that cannot be read
ClassOrder = Literal["natural", "name"]  # of class folders: 2 before 10, or sorted as text
StackedBase = Annotated[str, OneOf(STACKED_BASES)]
HeldOut = Annotated[float, Range(above=0, below=1)] | str


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

NAMES = (*SOURCES, *SAMPLES, *ARCHIVES, STACKED, *READ_BY_FORM, *TOY_DISTRIBUTIONS)
DatasetName = Annotated[str, OneOf(NAMES)]
# Settings of `data` for every source of images; a function or a dataset of the user's own gets all others.
SHARED = (
    *("batch_size", "batch_size_of", "shuffle", "drop_last", "mean", "std", "image_size", "image_channels"),
    *("fit", "flip", "held_out"),
)


def divided(node: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the settings of a `data` node with a custom source: settings of `gan.ImageData`, settings of the source."""
    arguments = {name: value for name, value in node.items() if name != "_target_"}
    shared = {name: value for name, value in arguments.items() if name in SHARED}
    return shared, {name: value for name, value in arguments.items() if name not in SHARED}


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


# Settings that only some datasets have, and the reason for the others.
_NO_FOLDER = "is not a folder of pictures; only data=folder is"
_ONLY: Mapping[str, tuple[Sequence[str], str]] = {
    "folder": ((FOLDER,), _NO_FOLDER),
    "on_broken": ((FOLDER,), _NO_FOLDER),
    "class_order": ((FOLDER,), _NO_FOLDER),
    "file": ((ARRAY,), "is no file of arrays; only array is"),
    "dataset": ((TORCHVISION,), "has no other name; only torchvision has"),
    "of": ((STACKED,), f"is not made from another dataset; only {STACKED} is"),
    "fit": (READ_BY_FORM, f"has square images; only {', '.join(READ_BY_FORM)} may have others"),
    "held_out": (READ_BY_FORM, f"has its own held-out images; only {', '.join(READ_BY_FORM)} accept others"),
}
# Settings that a dataset needs, and what to give.
_NEEDED = {
    FOLDER: (
        "folder",
        "data=folder: it needs the path of the pictures; give data.folder=PATH, with pictures PATH/….png, or "
        "PATH/CLASS/….png for pictures with classes",
    ),
    ARRAY: ("file", "data=array: which file? Give data.file=PATH, a .npz, .npy or .pt file of images"),
    TORCHVISION: ("dataset", "data=torchvision: which dataset? Give data.dataset=NAME, such as USPS or SVHN"),
}


def check_choice(
    name: str,
    *,
    split: str | None = None,
    folder: str | None = None,
    file: str | None = None,
    dataset: str | None = None,
    of: StackedBase | None = None,
    image_size: ImageSize | None = None,
    image_channels: ImageChannels | None = None,
    fit: Fit | None = None,
    flip: bool = False,
    held_out: HeldOut | None = None,
    on_broken: OnBroken = "error",
    class_order: ClassOrder = "natural",
) -> None:
    """Raise DataError for an unknown dataset, or for a setting that this dataset does not accept or that is invalid."""
    settings = dict(locals())
    _check_split(settings.pop("name"), settings.pop("split"))
    needed, which = _NEEDED.get(name, ("", ""))
    if needed and not settings[needed]:
        raise DataError(which)
    defaults = {"flip": False, "on_broken": "error", "class_order": "natural"}
    for setting, value in settings.items():
        names, reason = _ONLY.get(setting, (NAMES, ""))
        if value == defaults.get(setting):
            continue
        if name in TOY_DISTRIBUTIONS and setting in ("image_size", "image_channels", "flip"):
            reason, names = "has 2-D points, not images", ()
        if name not in names:
            raise DataError(f"data.{setting}={value}: '{name}' {reason}. Leave data.{setting} out")
    check_values(check_choice, settings)


# the settings of a dataset
OPTIONS = tuple(name for name in inspect.signature(check_choice).parameters if name not in ("name", "flip"))


def check_values(called: Callable[..., Any], settings: Mapping[str, Any]) -> None:
    """Raise DataError for the first setting of `data` whose value the type hints of ``called`` do not allow."""
    hints = hints_of(called)
    for setting, value in settings.items():
        if setting in hints and (found := problem(f"data.{setting}", value, hints[setting])):
            raise DataError(found)


def known_shape(settings: Mapping[str, Any]) -> tuple[tuple[int, int, int] | None, int | None]:
    """Image shape and number of classes of a `data` node, as far as they are known without reading a file.

    Args:
        settings: the node in plain containers; missing settings are null.

    Returns:
        Image shape (C, H, W), and number of classes. For images that are read in any form (`READ_BY_FORM`, a custom
        source) the classes are unknown (None), and the shape is known only if ``image_size`` and ``image_channels``
        are both given. The bundled sample of a dataset has the same shape
        and classes as the dataset.

    Raises:
        DataError: see `check_choice`.
    """
    name, size, channels = settings.get("name"), settings.get("image_size"), settings.get("image_channels")
    if name is None:  # a source of the user's own
        return ((channels, size, size) if size and channels else None), None
    known = inspect.signature(check_choice).parameters
    check_choice(**{setting: value for setting, value in settings.items() if setting in known})
    if name in TOY_DISTRIBUTIONS:
        return POINT_SHAPE, len(TOY_DISTRIBUTIONS[name].centres)
    if name in READ_BY_FORM:
        return ((channels, size, size) if size and channels else None), None
    if name == STACKED:
        default, classes = (3, 28), 1000
    else:
        default, classes = (
            ((3, 32) if name in ARCHIVES else (1, 28)),
            len(find_source(name, settings.get("split")).class_names),
        )
    size = size or default[1]
    return (channels or default[0], size, size), classes


def _check_split(name: str, split: str | None) -> None:
    if name not in NAMES:
        raise DataError(unknown_name("data.name", name, NAMES))
    if split is None or name == TORCHVISION:
        return
    splits = [key for key in SOURCES.get(name, {}) if key is not None]
    if not splits:
        raise DataError(f"data.split={split}: '{name}' has no splits; only emnist has. Leave data.split out")
    if split not in splits:
        raise DataError(unknown_name("data.split", split, splits))
