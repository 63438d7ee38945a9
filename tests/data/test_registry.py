"""The names of the sets, and that they fit torchvision's."""

import pytest
import torchvision.datasets

from gan.data.registry import SAMPLES, SOURCES, Sample, Source, find_source
from gan.errors import DataError

FULL = [source for splits in SOURCES.values() for source in splits.values()]


def test_names() -> None:
    assert list(SOURCES) == ["mnist", "fashion", "kmnist", "emnist", "qmnist"]
    assert list(SAMPLES) == ["mnist_sample", "fashion_sample"]
    assert {source.name: source.sample for source in FULL if source.sample} == {
        "mnist": "mnist_sample",
        "fashion": "fashion_sample",
    }


@pytest.mark.parametrize("source", FULL, ids=lambda source: source.title)
def test_class_names_are_those_of_torchvision(source: Source) -> None:
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
    assert isinstance(letters, Source)
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
        "choices: emnist, fashion, fashion_sample, kmnist, mnist, mnist_sample, qmnist"
    )
    with pytest.raises(DataError) as error:
        find_source("emnist", "letter")
    assert str(error.value) == (
        "data.split: no such option 'letter'; did you mean 'letters'? "
        "choices: balanced, byclass, bymerge, digits, letters, mnist"
    )
    for name in ("mnist", "mnist_sample"):
        with pytest.raises(DataError) as error:
            find_source(name, "letters")
        assert str(error.value) == (
            f"data.split=letters: '{name}' has no splits; only emnist has. Leave data.split out"
        )
