"""Specifications of MNIST and similar datasets: file names, numbers of images, checksums."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

SAMPLES_FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class SplitFiles:
    """The two files of the train or test split of a dataset.

    Attributes:
        images: name of the images' IDX file, uint8 (N, 28, 28).
        labels: name of the labels' IDX file, uint8 (N,), or int32 (N, 8) with the class in column 0 (QMNIST).
        counts: possible numbers of images; more than one if several editions exist.
        images_sha256, labels_sha256: of the uncompressed files; None if the official files were not available.
    """

    images: str
    labels: str
    counts: tuple[int, ...]
    images_sha256: str | None = None
    labels_sha256: str | None = None

    @property
    def files(self) -> tuple[str, str]:
        return self.images, self.labels


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset as torchvision lays it out on the disk: ``<root>/<folder>/<files>``.

    Attributes:
        name: the value of ``data.name``.
        title: the usual name of the dataset.
        torchvision_class: class in ``torchvision.datasets`` that downloads it, and name of the folder.
        class_names: one per label.
        split: EMNIST's split; None for the other datasets.
        first_label: label of class 0 in the files.
        transposed: True if the files store columns as rows.
        sample: the bundled sample that can replace this dataset, or None.
    """

    name: str
    title: str
    torchvision_class: str
    class_names: tuple[str, ...]
    train: SplitFiles
    test: SplitFiles
    split: str | None = None
    first_label: int = 0
    transposed: bool = False
    sample: str | None = None

    @property
    def folder(self) -> Path:
        """The folder of its files, relative to the data root."""
        return Path(self.torchvision_class) / "raw"

    @property
    def files(self) -> tuple[str, ...]:
        return *self.train.files, *self.test.files


@dataclass(frozen=True)
class Sample:
    """A bundled sample: 10,000 images of the dataset ``of``; ``train_count`` are for training, the rest is held out."""

    name: str
    of: str
    title: str
    folder: Path
    split_files: SplitFiles
    class_names: tuple[str, ...]
    train_count: int = 9_000


DIGITS = tuple(string.digits)
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

# EMNIST merges the lower-case letters that look like their capitals
DISTINCT = (*DIGITS, *string.ascii_uppercase, *"abdefghnqrt")
LETTERS = tuple(string.ascii_lowercase)
ALL_CHARACTERS = (*DIGITS, *string.ascii_uppercase, *string.ascii_lowercase)

# Computed on the official files, byte for byte.
MNIST_TRAIN = SplitFiles(
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    (60_000,),
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)
MNIST_TEST = SplitFiles(
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
    (10_000,),
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
# No sha256 for Fashion-MNIST, KMNIST, EMNIST and QMNIST: their official files were not available (the copy of
# Fashion-MNIST at hand has the official images in another order), and a wrong hash would refuse the official files.
MNIST_LIKE_TRAIN = SplitFiles("train-images-idx3-ubyte", "train-labels-idx1-ubyte", (60_000,))
MNIST_LIKE_TEST = SplitFiles("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", (10_000,))


def _emnist(
    split: str, class_names: tuple[str, ...], train: tuple[int, ...], test: tuple[int, ...], first_label: int = 0
) -> DatasetSpec:
    def half(which: str, counts: tuple[int, ...]) -> SplitFiles:
        return SplitFiles(
            f"emnist-{split}-{which}-images-idx3-ubyte", f"emnist-{split}-{which}-labels-idx1-ubyte", counts
        )

    return DatasetSpec(
        name="emnist",
        title=f"EMNIST ({split})",
        torchvision_class="EMNIST",
        class_names=class_names,
        train=half("train", train),
        test=half("test", test),
        split=split,
        first_label=first_label,
        transposed=True,
    )


def _qmnist(which: str) -> SplitFiles:
    return SplitFiles(f"qmnist-{which}-images-idx3-ubyte", f"qmnist-{which}-labels-idx2-int", (60_000,))


# name -> split -> set; the first split is the default, None where a set has no splits
SOURCES: Mapping[str, Mapping[str | None, DatasetSpec]] = MappingProxyType(
    {
        "mnist": {None: DatasetSpec("mnist", "MNIST", "MNIST", DIGITS, MNIST_TRAIN, MNIST_TEST, sample="mnist_sample")},
        "fashion": {
            None: DatasetSpec(
                "fashion",
                "Fashion-MNIST",
                "FashionMNIST",
                CLOTHES,
                MNIST_LIKE_TRAIN,
                MNIST_LIKE_TEST,
                sample="fashion_sample",
            )
        },
        "kmnist": {None: DatasetSpec("kmnist", "KMNIST", "KMNIST", KUZUSHIJI, MNIST_LIKE_TRAIN, MNIST_LIKE_TEST)},
        "emnist": {
            source.split: source
            for source in (
                _emnist("balanced", DISTINCT, (112_800,), (18_800,)),
                # the paper's table and some copies say 88,800 + 14,800; NIST's archive as of today 124,800 + 20,800
                _emnist("letters", LETTERS, (124_800, 88_800), (20_800, 14_800), first_label=1),
                _emnist("digits", DIGITS, (240_000,), (40_000,)),
                _emnist("mnist", DIGITS, (60_000,), (10_000,)),
                _emnist("byclass", ALL_CHARACTERS, (697_932,), (116_323,)),
                _emnist("bymerge", DISTINCT, (697_932,), (116_323,)),
            )
        },
        "qmnist": {None: DatasetSpec("qmnist", "QMNIST", "QMNIST", DIGITS, _qmnist("train"), _qmnist("test"))},
    }
)

SAMPLES: Mapping[str, Sample] = MappingProxyType(
    {
        "mnist_sample": Sample("mnist_sample", "mnist", "MNIST", SAMPLES_FOLDER / "mnist", MNIST_TEST, DIGITS),
        "fashion_sample": Sample(
            "fashion_sample",
            "fashion",
            "Fashion-MNIST",
            SAMPLES_FOLDER / "fashion",
            # of the bundled copy, whose images stand in another order than the official test set's
            SplitFiles(
                "t10k-images-idx3-ubyte",
                "t10k-labels-idx1-ubyte",
                (10_000,),
                "5f9736a4bcf7606c3eb59c072ae9c6b7d185a31d51df40d6fed6002c324cb812",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
            CLOTHES,
        ),
    }
)
