"""The names of the sets, and that they fit torchvision's."""

from typing import Any

import pytest
import torchvision.datasets

from gan.data.module import ImageData
from gan.data.registry import (
    ARCHIVES,
    NAMES,
    SAMPLES,
    SOURCES,
    STACKED_BASES,
    TOY_DISTRIBUTIONS,
    Archive,
    DatasetSpec,
    Sample,
    check_choice,
    find_source,
    known_shape,
)
from gan.system.errors import DataError

FULL = [source for splits in SOURCES.values() for source in splits.values()]


def test_names() -> None:
    assert list(SOURCES) == ["mnist", "fashion", "kmnist", "emnist", "qmnist"]
    assert list(SAMPLES) == ["mnist_sample", "fashion_sample"]
    assert list(ARCHIVES) == ["cifar10"]
    assert list(TOY_DISTRIBUTIONS) == ["ring", "grid"]
    assert (
        *SOURCES,
        *SAMPLES,
        *ARCHIVES,
        "stacked_mnist",
        "folder",
        "array",
        "torchvision",
        *TOY_DISTRIBUTIONS,
    ) == NAMES
    assert isinstance(find_source("cifar10"), Archive)
    assert {source.name: source.sample for source in FULL if source.sample} == {
        "mnist": "mnist_sample",
        "fashion": "fashion_sample",
    }


@pytest.mark.parametrize("source", FULL, ids=lambda source: source.title)
def test_class_names_are_those_of_torchvision(source: DatasetSpec) -> None:
    dataset = getattr(torchvision.datasets, source.torchvision_class)
    theirs = dataset.classes_split_dict[source.split] if source.split else dataset.classes
    # theirs: "3 - three" for a digit, and a "N/A" for the label 0 that EMNIST's letters do not have
    assert list(source.class_names) == [name.split(" - ")[0] for name in theirs if name != "N/A"]


def test_files_are_those_of_torchvision() -> None:
    for name in ("mnist", "fashion", "kmnist"):
        source = SOURCES[name][None]
        dataset = getattr(torchvision.datasets, source.torchvision_class)
        assert [f"{file}.gz" for file in source.files] == [file for file, _ in dataset.resources]
    resources = torchvision.datasets.QMNIST.resources
    theirs = [url.rsplit("/", 1)[1] for half in ("train", "test") for url, _ in resources[half]]
    assert [f"{file}.gz" for file in SOURCES["qmnist"][None].files] == theirs


def test_emnist_splits() -> None:
    assert set(SOURCES["emnist"]) == set(torchvision.datasets.EMNIST.splits)
    assert find_source("emnist") is SOURCES["emnist"]["balanced"]
    letters = find_source("emnist", "letters")
    assert isinstance(letters, DatasetSpec)
    assert letters.files[0] == "emnist-letters-train-images-idx3-ubyte"
    assert letters.first_label == 1


def test_samples_know_their_set() -> None:
    for name, sample in SAMPLES.items():
        assert isinstance(find_source(name), Sample)
        assert SOURCES[sample.of][None].class_names == sample.class_names


def test_unknown_names() -> None:
    with pytest.raises(DataError) as error:
        find_source("fashon")
    assert str(error.value) == (
        "data.name: no such option 'fashon'; did you mean 'fashion'? "
        "choices: array, cifar10, emnist, fashion, fashion_sample, folder, grid, kmnist, mnist, mnist_sample, qmnist, "
        "ring, stacked_mnist, torchvision"
    )
    with pytest.raises(DataError) as error:
        find_source("emnist", "letter")
    assert str(error.value) == (
        "data.split: no such option 'letter'; did you mean 'letters'? "
        "choices: balanced, byclass, bymerge, digits, letters, mnist"
    )
    for name in ("mnist", "mnist_sample", "cifar10"):
        with pytest.raises(DataError) as error:
            find_source(name, "letters")
        assert str(error.value) == (
            f"data.split=letters: '{name}' has no splits; only emnist has. Leave data.split out"
        )


@pytest.mark.parametrize("name", STACKED_BASES)
def test_stacks_are_of_sets_of_ten_classes(name: str) -> None:
    assert len(find_source(name).class_names) == 10


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("folder", {},
         "data=folder: it needs the path of the pictures; give data.folder=PATH, with pictures PATH/….png, or "
         "PATH/CLASS/….png for pictures with classes"),
        ("mnist", {"folder": "x"},
         "data.folder=x: 'mnist' is not a folder of pictures; only data=folder is. Leave data.folder out"),
        ("ring", {"folder": "x"},
         "data.folder=x: 'ring' is not a folder of pictures; only data=folder is. Leave data.folder out"),
        ("folder", {"folder": "x", "split": "letters"},
         "data.split=letters: 'folder' has no splits; only emnist has. Leave data.split out"),
        ("mnist", {"of": "fashion"},
         "data.of=fashion: 'mnist' is not made from another dataset; only stacked_mnist is. Leave data.of out"),
        ("stacked_mnist", {"of": "emnist"},
         "data.of: no such option 'emnist'; did you mean 'mnist'? "
         "choices: fashion, fashion_sample, kmnist, mnist, mnist_sample, null, qmnist"),
        ("mnist", {"image_size": 15},
         "data.image_size: 15 given, 16 to 128 pixels, or null expected"),
        ("mnist", {"image_size": 129},
         "data.image_size: 129 given, 16 to 128 pixels, or null expected"),
        ("mnist", {"image_channels": 2},
         "data.image_channels: 2 given, 1, 3 or null expected"),
        ("ring", {"image_size": 32},
         "data.image_size=32: 'ring' has 2-D points, not images. Leave data.image_size out"),
        ("grid", {"image_channels": 3},
         "data.image_channels=3: 'grid' has 2-D points, not images. Leave data.image_channels out"),
    ],
)  # fmt: skip
def test_settings_that_are_not_for_this_set(name: str, settings: dict[str, Any], message: str) -> None:
    for refuses in (check_choice, ImageData):
        with pytest.raises(DataError) as error:
            refuses(name, **settings)
        assert str(error.value) == message
    with pytest.raises(DataError) as error:
        known_shape({"name": name, **settings})
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({"name": "mnist"}, ((1, 28, 28), 10)),
        ({"name": "mnist", "image_size": 32, "image_channels": 3}, ((3, 32, 32), 10)),
        ({"name": "fashion_sample", "image_size": 16}, ((1, 16, 16), 10)),
        ({"name": "emnist"}, ((1, 28, 28), 47)),
        ({"name": "emnist", "split": "letters"}, ((1, 28, 28), 26)),
        ({"name": "cifar10"}, ((3, 32, 32), 10)),
        ({"name": "cifar10", "image_channels": 1, "image_size": 64}, ((1, 64, 64), 10)),
        ({"name": "stacked_mnist"}, ((3, 28, 28), 1000)),
        ({"name": "stacked_mnist", "of": "fashion_sample", "image_size": 32}, ((3, 32, 32), 1000)),
        ({"name": "ring"}, ((2, 1, 1), 8)),
        ({"name": "grid"}, ((2, 1, 1), 25)),
        ({"name": "folder", "folder": "x"}, (None, None)),
        ({"name": "folder", "folder": "x", "image_size": 64}, (None, None)),
        ({"name": "folder", "folder": "x", "image_size": 64, "image_channels": 1}, ((1, 64, 64), None)),
    ],
)
def test_shape_and_classes_without_reading(settings: dict[str, Any], known: tuple[Any, Any]) -> None:
    assert known_shape({"split": None, "folder": None, "of": None, **settings}) == known


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "mnist_sample", "image_size": 16, "image_channels": 3},
        {"name": "stacked_mnist", "of": "fashion_sample", "image_channels": 1},
        {"name": "grid"},
    ],
)
def test_what_is_known_is_what_comes(settings: dict[str, Any]) -> None:
    data = ImageData(**settings)
    data.setup()
    assert (data.image_shape, data.num_classes) == known_shape(settings)
