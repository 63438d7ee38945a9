"""data=torchvision: a dataset by the name of its class, its splits, and each mistake in one message."""

import bz2
import importlib
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from gan.config.kinds import find
from gan.data import torchvision_sets
from gan.data.download import LOCK_NAME, SILENCE_SECONDS
from gan.data.sources import load
from gan.data.torchvision_sets import load_torchvision, names
from gan.system.errors import DataError


def write_usps(root: Path, *, train: int = 30, test: int = 10) -> None:
    """USPS as libsvm has it: label 1 … 10 and pixels in [-1, 1]."""
    drawn = np.random.default_rng(0)
    for name, count in (("usps.bz2", train), ("usps.t.bz2", test)):
        rows = []
        for number in range(count):
            pixels = " ".join(f"{place + 1}:{value:.4f}" for place, value in enumerate(drawn.uniform(-1, 1, 256)))
            rows.append(f"{number % 10 + 1} {pixels}")
        (root / name).write_bytes(bz2.compress("\n".join(rows).encode()))


@pytest.fixture
def usps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_usps(tmp_path)
    urls = {split: [url, name, None] for split, (url, name, _) in datasets.USPS.split_list.items()}
    monkeypatch.setattr(datasets.USPS, "split_list", urls)
    return tmp_path


class Splits:
    """A dataset with ``split=``, as SVHN."""

    classes = ("cat", "dog")
    has = ("train", "val")

    def __init__(self, root: str, split: str = "train", download: bool = False) -> None:
        if split not in self.has:
            raise ValueError(f"Unknown value '{split}' for argument split. Valid values are {self.has}.")
        if not download and not (Path(root) / "there").exists():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        Path(root, "there").touch()
        self.split = split

    def __len__(self) -> int:
        return 20 if self.split == "train" else 6

    def __getitem__(self, number: int) -> Any:
        side = 20 + number % 2 * 8
        return Image.new("RGB", (side, side), (number, 0, 200)), number % 2


class Whole:
    """A dataset without splits, as Caltech101."""

    def __init__(self, root: str) -> None:
        pass

    def __len__(self) -> int:
        return 20

    def __getitem__(self, number: int) -> Any:
        return torch.full((1, 16, 16), number / 20), {"boxes": []} if number == 7 else 0


@pytest.fixture
def own_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision_sets, "names", lambda: ["Splits", "Whole", "USPS"])
    monkeypatch.setattr(datasets, "Splits", Splits, raising=False)
    monkeypatch.setattr(datasets, "Whole", Whole, raising=False)


def test_a_dataset_with_train_and_test(usps: Path) -> None:
    loaded = load("torchvision", usps, dataset="USPS", download=False)
    assert (loaded.images.shape, loaded.held_out_images.shape) == ((30, 1, 16, 16), (10, 1, 16, 16))
    assert loaded.name == "torchvision"
    assert len(loaded.class_names) == 10
    assert loaded.labels[:10].tolist() == list(range(10))
    assert loaded.origin.startswith(f"torchvision's USPS from {usps}: 30 images to train on and 10 held out (the test ")
    assert len(load("torchvision", usps, dataset="USPS", held_out=0.2).held_out_images) == 6


def test_a_dataset_with_splits(own_sets: None, tmp_path: Path) -> None:
    loaded = load_torchvision("Splits", tmp_path, image_size=16)
    assert (len(loaded.images), len(loaded.held_out_images)) == (20, 6)
    assert loaded.class_names == ("cat", "dog")
    assert loaded.images.shape[1:] == (3, 16, 16)
    with pytest.raises(DataError, match=r"^data.dataset=Splits: image 1 is 3 x 28 x 28 and .* data.image_size=20 to"):
        load_torchvision("Splits", tmp_path)


def test_what_cannot_be_read(own_sets: None, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        load_torchvision("Splits", tmp_path, download=False)
    assert str(error.value) == (
        f"data.dataset=Splits: not available under {tmp_path}: RuntimeError: Dataset not found.; "
        f"gan data fetch Splits --root {tmp_path} downloads it"
    )
    with pytest.raises(DataError, match=r"data.dataset=Splits: .*Unknown value 'extra' for argument split"):
        load_torchvision("Splits", tmp_path, split="extra")
    with pytest.raises(DataError, match=r"data.split=x: Whole has no splits. Leave data.split out"):
        load_torchvision("Whole", tmp_path, split="x")
    with pytest.raises(DataError, match=r"data.dataset=Whole: a label is dict; an integer for each image expected"):
        load_torchvision("Whole", tmp_path)
    with pytest.raises(
        DataError, match=r"data.dataset: no such option 'USSP'; did you mean 'USPS'\? choices: Splits, "
    ):
        load_torchvision("USSP", tmp_path)


def test_the_names_are_those_of_image_classification() -> None:
    found = names()
    assert {"USPS", "SVHN", "CIFAR100", "Flowers102", "STL10", "EMNIST", "GTSRB", "Food101"} <= set(found)
    assert not {"CocoDetection", "VOCDetection", "FakeData", "ImageFolder", "Kinetics", "FlyingChairs"} & set(found)
    for name in found:
        assert issubclass(find(f"torchvision.datasets.{name}"), datasets.VisionDataset)


class Faces(Splits):
    """A dataset whose labels are no classes, as CelebA's attributes."""

    has = ("train", "valid", "test")

    def __getitem__(self, number: int) -> Any:
        return Image.new("L", (20, 20), number), torch.zeros(40)


class Expressions(Splits):
    """A dataset whose test images have no labels, as FER2013's."""

    has = ("train", "test")

    def __getitem__(self, number: int) -> Any:
        return Image.new("L", (20, 20), number), None if self.split == "test" else number % 2


class Letters(datasets.MNIST):
    """A dataset with several splits, as EMNIST, whose further arguments are its base class's."""

    splits = ("letters", "digits")

    def __init__(self, root: str, split: str, **kwargs: Any) -> None:
        self.split, self.is_train = split, kwargs["train"]

    def __len__(self) -> int:
        return 20 if self.is_train else 4

    def __getitem__(self, number: int) -> Any:
        return Image.new("L", (20, 20), number), 0


class NeedsPackage(Splits):
    def __getitem__(self, number: int) -> Any:
        raise AssertionError("not reached")

    def __init__(self, root: str, split: str = "train", download: bool = False) -> None:
        importlib.import_module("scipi_of_nobody")


@pytest.fixture
def odd_sets(own_sets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (Faces, Expressions, Letters, NeedsPackage)
    monkeypatch.setattr(torchvision_sets, "names", lambda: [kind.__name__ for kind in (*kinds, Splits)])
    for kind in kinds:
        monkeypatch.setattr(datasets, kind.__name__, kind, raising=False)


def test_labels_that_are_no_classes(odd_sets: None, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "gan.data")
    faces = load_torchvision("Faces", tmp_path)
    assert (len(faces.images), len(faces.held_out_images), faces.class_names) == (20, 6, ())
    assert "data.dataset=Faces: its labels are no classes, and left out" in caplog.messages
    expressions = load_torchvision("Expressions", tmp_path)
    assert expressions.class_names == ("cat", "dog")
    assert (len(expressions.images), len(expressions.held_out_images)) == (18, 2)  # not those without a label


def test_a_dataset_with_several_train_splits(odd_sets: None, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"^data.dataset=Letters: which split\? Give data.split, such as letters, digits$"
    ):
        load_torchvision("Letters", tmp_path)
    loaded = load_torchvision("Letters", tmp_path, split="letters")
    assert (len(loaded.images), len(loaded.held_out_images)) == (20, 4)


def test_a_missing_package_is_named(odd_sets: None, tmp_path: Path) -> None:
    for download in (True, False):
        with pytest.raises(DataError, match=r"reads it with a package that is missing: pip install scipi_of_nobody$"):
            load_torchvision("NeedsPackage", tmp_path, download=download)


def test_downloads_wait_for_each_other_and_not_for_ever(
    odd_sets: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, float | None]] = []

    class Watched(Splits):
        def __init__(self, root: str, split: str = "train", download: bool = False) -> None:
            asked.append((download, socket.getdefaulttimeout()))
            assert (Path(root) / LOCK_NAME).exists() == (len(asked) > 1)
            super().__init__(root, split, download)

    monkeypatch.setattr(datasets, "Splits", Watched)
    root = tmp_path / "new"
    load_torchvision("Splits", root, image_size=16)
    assert [download for download, _ in asked] == [False, True, False, False]  # what is there is not asked for again
    assert [timeout for _, timeout in asked] == [None, SILENCE_SECONDS, None, None]


def test_a_split_that_is_trained_on_is_not_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "SVHN", Splits)
    (tmp_path / "there").touch()
    loaded = load_torchvision("SVHN", tmp_path, split="val", download=False, image_size=16)
    assert len(loaded.images) + len(loaded.held_out_images) == 6  # a tenth of the split itself


def test_a_dataset_that_torchvision_cannot_download_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing(Whole):
        def __init__(self, root: str) -> None:
            raise RuntimeError("Dataset not found")

    monkeypatch.setattr(datasets, "FER2013", Missing)
    with pytest.raises(DataError, match=r"RuntimeError: Dataset not found$"):
        load_torchvision("FER2013", tmp_path, download=False)
    monkeypatch.setattr(datasets, "SVHN", Splits)
    with pytest.raises(DataError, match=r"; gan data fetch SVHN --root '.*/with space' downloads it$"):
        load_torchvision("SVHN", tmp_path / "with space", download=False)
