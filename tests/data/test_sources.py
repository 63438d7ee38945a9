"""load(): the set if it can be had, else its sample or an error that says the ways out."""

import gzip
import hashlib
import logging
import re
import shlex
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
import torch
from fake_set import FILES, Mirror, TinySet, random_images
from gan_command import command_in

from gan.data import registry
from gan.data.mnist_like import SAMPLES, SAMPLES_FOLDER
from gan.data.sources import load
from gan.system.errors import DataError

Online = Callable[..., None]


def test_a_set_that_is_there(tmp_path: Path, tiny: TinySet, online: Online, mirror: Mirror) -> None:
    online()
    folder = tiny.write(tmp_path)
    loaded = load("mnist", tmp_path)
    assert torch.equal(loaded.images, random_images(12, seed=0).unsqueeze(1))
    assert torch.equal(loaded.held_out_images, random_images(6, seed=1).unsqueeze(1))
    assert loaded.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert loaded.held_out_labels.tolist() == [4, 5, 6, 7, 8, 9]
    assert (loaded.name, loaded.substitute_for) == ("mnist", None)
    assert loaded.class_names == tuple("0123456789")
    assert loaded.origin == (
        f"MNIST: 12 images to train on and 6 held out, from {folder} (headers, counts and labels verified)"
    )
    assert not mirror.requests
    # nothing is written where everything is there: the root may be read-only
    assert {path.name for path in tmp_path.rglob("*")} == {"MNIST", "raw", *FILES}
    with pytest.raises(FrozenInstanceError):
        loaded.name = "other"  # type: ignore[misc]


def test_download(tmp_path: Path, tiny: TinySet, online: Online, caplog: pytest.LogCaptureFixture) -> None:
    online()
    loaded = load("mnist", tmp_path / "data")
    assert len(loaded.images) == 12
    assert loaded.substitute_for is None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_broken_file_is_named_and_fetched_again(
    tmp_path: Path, tiny: TinySet, online: Online, caplog: pytest.LogCaptureFixture
) -> None:
    online()
    folder = tiny.write(tmp_path, train_images=b"<html>")
    assert len(load("mnist", tmp_path, on_missing="error").images) == 12
    assert caplog.records[0].levelno == logging.WARNING
    assert caplog.records[0].getMessage() == (
        f"{folder / FILES[0]}: starts like an HTML page, not an IDX file; fetching MNIST"
    )


def test_missing_goes_on_with_the_sample(tmp_path: Path, tiny: TinySet, offline: str) -> None:
    loaded = load("mnist", tmp_path)
    sample = load("mnist_sample")
    assert (loaded.name, loaded.substitute_for) == ("mnist_sample", "mnist")
    assert torch.equal(loaded.images, sample.images)
    assert loaded.origin == (
        "the bundled sample of MNIST: 9,000 images to train on and 1,000 held out, IN PLACE OF THE FULL MNIST: "
        f"{tmp_path}/MNIST/raw contains no MNIST, and the download failed ({offline}: Connection refused)"
    )


def test_the_sample_does_not_replace_a_damaged_file(tmp_path: Path, tiny: TinySet, offline: str) -> None:
    folder = tiny.write(tmp_path, test_images=b"")
    with pytest.raises(DataError) as error:
        load("mnist", tmp_path)
    assert f"  {folder / FILES[2]}: is empty (0 bytes)\n  the download failed" in str(error.value)
    assert (folder / FILES[2]).read_bytes() == b""


def test_the_remedy_that_downloads(
    tmp_path: Path, tiny: TinySet, online: Online, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    online()
    tiny.write(tmp_path, test_images=b"")
    with pytest.raises(DataError) as error:
        load("mnist", tmp_path, download=False)
    (command,) = re.findall(r"- gan (data fetch .*): downloads the files", str(error.value))
    assert command_in(tmp_path, monkeypatch)(*shlex.split(command)) == 0
    assert load("mnist", tmp_path, download=False).name == "mnist"


def test_a_folder_that_may_not_be_searched_is_named(
    tmp_path: Path, tiny: TinySet, offline: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny.write(tmp_path)

    def refused(path: Path, *, follow_symlinks: bool = True) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refused)
    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(DataError, match=rf"{folder / FILES[0]}\S*: cannot be read \(Permission denied\)"):
        load("mnist", tmp_path, download=False)


def test_unwritable_root_goes_on_with_the_sample(tmp_path: Path, tiny: TinySet, online: Online) -> None:
    online()
    (tmp_path / "file").write_text("not a folder")
    loaded = load("mnist", tmp_path / "file")
    assert loaded.substitute_for == "mnist"
    assert loaded.origin.endswith(f"the download failed (cannot write to {tmp_path / 'file'}: File exists)")


def test_missing_is_an_error_with_the_ways_out(tmp_path: Path, tiny: TinySet, offline: str) -> None:
    with pytest.raises(DataError) as error:
        load("mnist", tmp_path, on_missing="error")
    assert str(error.value) == "\n".join(
        [
            "data=mnist: MNIST is not available",
            f"  {tmp_path}/MNIST/raw contains no MNIST",
            f"  the download failed ({offline}: Connection refused)",
            "  looked for:",
            *(f"    {tmp_path}/MNIST/raw/{file}" for file in FILES),
            "  remedies:",
            "    - put these files there, plain or as .gz (torchvision.datasets.MNIST downloads them)",
            "    - GAN_DATA=FOLDER in the environment, if the files are in another folder",
            "    - mnist_sample instead of mnist: 10,000 bundled images (9,000 to train on)",
        ]
    )


@pytest.mark.parametrize(
    ("instead", "fault"),
    [
        ({"train_labels": b"PK"}, "{folder}/train-labels-idx1-ubyte: not an IDX file (starts with b'PK', "),
        ({"train_labels": None, "test_images": None}, "{folder} lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte"),
    ],
)
def test_broken_or_incomplete_is_an_error(
    tmp_path: Path, tiny: TinySet, instead: dict[str, bytes | None], fault: str
) -> None:
    folder = tiny.write(tmp_path, **instead)
    with pytest.raises(DataError) as error:
        load("mnist", tmp_path, download=False, on_missing="error")
    _, found, obstacle, *_ = str(error.value).splitlines()
    assert found.startswith(f"  {fault.format(folder=folder)}")
    assert obstacle == "  no download was tried"


def test_no_sample_is_an_error_whatever_on_missing_says(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        load("emnist", tmp_path, split="letters", download=False, on_missing="sample")
    lines = str(error.value).splitlines()
    assert lines[0] == "data=emnist data.split=letters: EMNIST (letters) is not available"
    assert f"    {tmp_path}/EMNIST/raw/emnist-letters-train-images-idx3-ubyte" in lines
    assert "sample" not in str(error.value).replace(str(tmp_path), "")


def test_unknown_on_missing() -> None:
    with pytest.raises(DataError) as error:
        load("mnist", on_missing="samples")
    assert str(error.value) == (
        "data.on_missing: no such option 'samples'; did you mean 'sample'? choices: error, sample"
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name: str, tmp_path: Path) -> None:
    loaded = load(name, tmp_path / "not needed", on_missing="error", download=False)
    assert loaded.images.shape == (9_000, 1, 28, 28)
    assert loaded.held_out_images.shape == (1_000, 1, 28, 28)
    assert loaded.images.dtype == torch.uint8
    assert loaded.labels.dtype == torch.int64
    assert loaded.substitute_for is None
    # every class is well represented in both parts, and no image is in both
    assert loaded.labels.bincount().min() > 750
    assert loaded.held_out_labels.bincount(minlength=10).min() > 75
    parts = [{image.numpy().tobytes() for image in images} for images in (loaded.images, loaded.held_out_images)]
    assert not parts[0] & parts[1]


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_the_shared_test_set_byte_for_byte(name: str, shared_data: Path) -> None:
    raw = shared_data / {"mnist_sample": "MNIST", "fashion_sample": "FashionMNIST"}[name] / "raw"
    for file in FILES[2:]:
        packed = (SAMPLES[name].folder / f"{file}.gz").read_bytes()
        assert packed[4:8] == bytes(4)  # no time stamp: packing again gives the same bytes
        assert hashlib.sha256(gzip.decompress(packed)).digest() == hashlib.sha256((raw / file).read_bytes()).digest()


def test_samples_carry_their_licences() -> None:
    assert "CC BY-SA 3.0" in (SAMPLES_FOLDER / "mnist" / "LICENSE").read_text()
    assert "Yann LeCun and Corinna Cortes" in (SAMPLES_FOLDER / "mnist" / "LICENSE").read_text()
    assert (
        "The MIT License (MIT)\n\nCopyright © 2017 Zalando SE" in (SAMPLES_FOLDER / "fashion" / "LICENSE").read_text()
    )


def test_damaged_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (SAMPLES_FOLDER / "mnist").iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[:5000] if "images" in path.name else content)
    damaged = replace(SAMPLES["mnist_sample"], folder=tmp_path)
    monkeypatch.setattr(registry, "SAMPLES", {"mnist_sample": damaged})
    with pytest.raises(DataError) as error:
        load("mnist_sample")
    assert str(error.value) == (
        f"the bundled sample is damaged: {tmp_path}/t10k-images-idx3-ubyte.gz: not a complete gzip file "
        "(Compressed file ended before the end-of-stream marker was reached); install the project again"
    )
