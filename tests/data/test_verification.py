"""What lies in the data folder is what its name says, or is refused by name."""

import dataclasses
import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_set import FILES, TinySet, idx_bytes, random_images

from gan.data.mnist_like import SplitFiles
from gan.data.registry import SOURCES, find_source
from gan.data.verification import missing_files, read_source
from gan.system.errors import DataError


def test_reads_images_and_labels(tmp_path: Path, tiny: TinySet) -> None:
    tiny.write(tmp_path)
    images, labels, test_images, test_labels = read_source(tiny.source, tmp_path)
    assert torch.equal(images, random_images(12, seed=0).unsqueeze(1))
    assert torch.equal(labels, torch.arange(12) % 10)
    assert labels.dtype == torch.int64
    assert torch.equal(test_images, random_images(6, seed=1).unsqueeze(1))
    assert torch.equal(test_labels, torch.arange(6) + 4)


def test_gzipped_file_will_do_where_the_plain_one_is_missing(tmp_path: Path, tiny: TinySet) -> None:
    folder = tiny.write(tmp_path, train_images=None)
    assert missing_files(tiny.source, tmp_path) == [folder / FILES[0]]
    (folder / f"{FILES[0]}.gz").write_bytes(gzip.compress(tiny.content[FILES[0]]))
    assert missing_files(tiny.source, tmp_path) == []
    assert torch.equal(read_source(tiny.source, tmp_path)[0], random_images(12, seed=0).unsqueeze(1))


BROKEN: dict[str, tuple[dict[str, Any], int, str]] = {
    "html": ({"train_images": b"<html>"}, 0, "starts like an HTML page, not an IDX file"),
    "empty": ({"test_labels": b""}, 3, "is empty (0 bytes)"),
    "zero bytes": ({"train_images": bytes(9424)}, 0, "starts with zeros where an IDX header should be"),
    "black": (
        {"train_images": idx_bytes(torch.zeros(12, 28, 28, dtype=torch.uint8))},
        0,
        "all of its 12 images are black (every byte is zero)",
    ),
    "truncated": (
        {"test_images": idx_bytes(random_images(6, seed=1))[:3000]},
        2,
        "is truncated: its header announces 4,720 bytes, the file has 3,000",
    ),
    "fewer images": (
        {"train_images": idx_bytes(random_images(5, 0))},
        0,
        "contains 5 images; MNIST has 12 in this file",
    ),
    "more labels": (
        {"test_labels": idx_bytes(torch.ones(7, dtype=torch.uint8))},
        3,
        "contains 7 labels; MNIST has 6 in this file",
    ),
    "labels as images": (
        {"train_images": idx_bytes(torch.ones(12, dtype=torch.uint8))},
        0,
        "contains torch.uint8 of shape (12,), not uint8 images of shape (N, 28, 28)",
    ),
    "other size": (
        {"train_images": idx_bytes(torch.ones(12, 32, 32, dtype=torch.uint8))},
        0,
        "contains torch.uint8 of shape (12, 32, 32), not uint8 images of shape (N, 28, 28)",
    ),
    "images as labels": (
        {"train_labels": idx_bytes(random_images(12, 0))},
        1,
        "contains torch.uint8 of shape (12, 28, 28), not labels of shape (N,)",
    ),
    "label out of range": (
        {"train_labels": idx_bytes(torch.tensor([0, 1, 12] + 9 * [0], dtype=torch.uint8))},
        1,
        "label 12 at position 2, MNIST's labels are 0 … 9",
    ),
    "missing": ({"test_images": None}, 2, "no such file"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_named_with_its_fault(tmp_path: Path, tiny: TinySet, case: str) -> None:
    instead, position, fault = BROKEN[case]
    folder = tiny.write(tmp_path, **instead)
    with pytest.raises(DataError) as error:
        read_source(tiny.source, tmp_path)
    assert str(error.value) == f"{folder / FILES[position]}: {fault}"


def test_images_and_labels_must_agree(tmp_path: Path, tiny: TinySet) -> None:
    # two editions, each of an allowed size, mixed
    source = dataclasses.replace(tiny.source, train=SplitFiles(FILES[0], FILES[1], (12, 11)))
    folder = tiny.write(tmp_path, train_labels=idx_bytes(torch.ones(11, dtype=torch.uint8)))
    with pytest.raises(DataError) as error:
        read_source(source, tmp_path)
    assert str(error.value) == f"{folder / FILES[1]}: contains 11 labels for the 12 images of {FILES[0]}"


@pytest.mark.parametrize("position", [0, 1])
def test_wrong_sha256(tmp_path: Path, tiny: TinySet, position: int) -> None:
    digests = [hashlib.sha256(tiny.content[file]).hexdigest() for file in FILES[:2]]
    source = dataclasses.replace(tiny.source, train=SplitFiles(FILES[0], FILES[1], (12,), *digests))
    folder = tiny.write(tmp_path)
    read_source(source, tmp_path)  # with the right ones, all is well

    content = bytearray(tiny.content[FILES[position]])
    content[-1] ^= 1  # one bit
    (folder / FILES[position]).write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(DataError) as error:
        read_source(source, tmp_path)
    kind = ("images", "labels")[position]
    assert str(error.value) == (
        f"{folder / FILES[position]}: a well-formed IDX file of 12 {kind}, but not MNIST's (sha256 {found[:16]}…, "
        f"MNIST's is {digests[position][:16]}…); changed, or another dataset under this name"
    )


def test_emnist_is_turned_upright_and_letters_count_from_0(tmp_path: Path) -> None:
    full = SOURCES["emnist"]["letters"]
    source = dataclasses.replace(
        full,
        train=dataclasses.replace(full.train, counts=(3,)),
        test=dataclasses.replace(full.test, counts=(3,)),
    )
    folder = tmp_path / "EMNIST" / "raw"
    folder.mkdir(parents=True)
    stored = random_images(3, seed=0)
    for half in ("train", "test"):
        (folder / f"emnist-letters-{half}-images-idx3-ubyte").write_bytes(idx_bytes(stored))
        labels = torch.tensor([1, 2, 26], dtype=torch.uint8)
        (folder / f"emnist-letters-{half}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    images, labels, _, _ = read_source(source, tmp_path)
    assert torch.equal(images[:, 0], stored.transpose(1, 2))
    assert [source.class_names[label] for label in labels] == ["a", "b", "z"]

    wrong = folder / "emnist-letters-test-labels-idx1-ubyte"
    wrong.write_bytes(idx_bytes(torch.tensor([1, 0, 26], dtype=torch.uint8)))
    with pytest.raises(DataError) as error:
        read_source(source, tmp_path)
    assert str(error.value) == f"{wrong}: label 0 at position 1, EMNIST (letters)'s labels are 1 … 26"


def test_qmnist_takes_the_class_from_column_0(tmp_path: Path) -> None:
    full = SOURCES["qmnist"][None]
    source = dataclasses.replace(
        full,
        train=dataclasses.replace(full.train, counts=(4,)),
        test=dataclasses.replace(full.test, counts=(4,)),
    )
    folder = tmp_path / "QMNIST" / "raw"
    folder.mkdir(parents=True)
    table = torch.randint(10, 90_000, (4, 8), dtype=torch.int32, generator=torch.Generator().manual_seed(0))
    table[:, 0] = torch.tensor([3, 1, 4, 1])
    for half in ("train", "test"):
        (folder / f"qmnist-{half}-images-idx3-ubyte").write_bytes(idx_bytes(random_images(4, seed=0)))
        (folder / f"qmnist-{half}-labels-idx2-int").write_bytes(idx_bytes(table))
    assert read_source(source, tmp_path)[1].tolist() == [3, 1, 4, 1]


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_the_real_sets_pass(shared_data: Path, name: str) -> None:
    source = find_source(name)
    images, labels, test_images, test_labels = read_source(source, shared_data)  # type: ignore[arg-type]
    assert images.shape == (60_000, 1, 28, 28)
    assert labels.bincount().min() > 5_000
    assert test_images.shape == (10_000, 1, 28, 28)
    assert len(test_labels) == 10_000


def test_fashion_under_mnists_name_is_refused(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "MNIST").symlink_to(shared_data / "FashionMNIST")
    with pytest.raises(DataError, match=r"a well-formed IDX file of 60,000 images, but not MNIST's .* another dataset"):
        read_source(find_source("mnist"), tmp_path)  # type: ignore[arg-type]
