"""CIFAR-10's binary edition: from a folder or a server on this machine, checked, and never a pickle."""

import dataclasses
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
import torch
from fake_set import Mirror

from gan.data import registry
from gan.data.download import LOCK_NAME, fetch
from gan.data.module import ImageData
from gan.data.registry import ARCHIVES, Archive
from gan.data.sources import load
from gan.data.verification import read_source
from gan.system.errors import DataError

RECORDS = 4  # in each file, in place of 10,000
FILES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
SIZE = RECORDS * 3073


def records(seed: int, labels: list[int]) -> bytes:
    """A file of records, written here independently of the reader: label, red, green, blue."""
    images = pixels(seed)
    return b"".join(bytes([label]) + image.numpy().tobytes() for label, image in zip(labels, images, strict=True))


def pixels(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (RECORDS, 3, 32, 32), dtype=torch.uint8, generator=generator)


def content() -> dict[str, bytes]:
    return {file: records(seed, [seed, seed + 1, seed + 2, 9]) for seed, file in enumerate(FILES)}


def packed(files: dict[str, bytes], folder: str = "cifar-10-batches-bin") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in {"readme.html": b"<html>", "../../escaped": b"no", **files}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def tiny_cifar(monkeypatch: pytest.MonkeyPatch, address: str, archive: bytes) -> Archive:
    source = dataclasses.replace(
        ARCHIVES["cifar10"], records=RECORDS, address=address, sha256=hashlib.sha256(archive).hexdigest()
    )
    monkeypatch.setattr(registry, "ARCHIVES", {"cifar10": source})
    return source


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, mirror: Mirror) -> Archive:
    archive = packed(content())
    mirror.answers["/cifar-10-binary.tar.gz"] = archive
    return tiny_cifar(monkeypatch, f"{mirror.url}cifar-10-binary.tar.gz", archive)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tiny_cifar(monkeypatch, "http://127.0.0.1:9/cifar-10-binary.tar.gz", b"")


def write(root: Path, **instead: bytes | None) -> Path:
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for file, data in (content() | {f"{name}.bin": data for name, data in instead.items()}).items():
        if data is not None:
            (folder / file).write_bytes(data)
    return folder


def test_the_official_archive() -> None:
    source = ARCHIVES["cifar10"]
    assert source.address == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert source.files == tuple(FILES)
    assert source.records * len(source.train_files) == 50_000
    assert source.records * len(source.test_files) == 10_000
    import torchvision.datasets

    # the binary edition's page and names are the Python edition's
    assert source.address.replace("binary", "python") == torchvision.datasets.CIFAR10.url


def test_download_to_images_and_back(tmp_path: Path, online: Archive, mirror: Mirror) -> None:
    loaded = load("cifar10", tmp_path, on_missing="error")
    assert loaded.images.shape == (5 * RECORDS, 3, 32, 32)
    assert torch.equal(loaded.images, torch.cat([pixels(seed) for seed in range(5)]))
    assert loaded.labels.tolist() == [label for seed in range(5) for label in (seed, seed + 1, seed + 2, 9)]
    assert torch.equal(loaded.held_out_images, pixels(5))
    assert loaded.held_out_labels.tolist() == [5, 6, 7, 9]
    assert loaded.images.dtype == torch.uint8
    assert loaded.labels.dtype == torch.int64
    assert (loaded.name, loaded.class_names[3], loaded.substitute_for) == ("cifar10", "cat", None)
    folder = tmp_path / "cifar-10-batches-bin"
    assert loaded.origin == (
        f"CIFAR-10: 20 images to train on and 4 held out, from {folder} (sizes and labels verified)"
    )
    # what the set consists of, and nothing else that was in the archive
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([LOCK_NAME, "cifar-10-batches-bin"])
    assert {file: (folder / file).read_bytes() for file in FILES} == content()
    load("cifar10", tmp_path)
    assert mirror.requests == {"/cifar-10-binary.tar.gz": 1}


def test_shapes_and_classes_of_the_module(tmp_path: Path, offline: Archive) -> None:
    write(tmp_path)
    data = ImageData("cifar10", str(tmp_path), batch_size=5, image_size=16, image_channels=1)
    data.setup()
    assert (data.image_shape, data.num_classes) == ((1, 16, 16), 10)
    images, _ = next(iter(data.train_dataloader()))
    assert images.shape == (5, 1, 16, 16)


def test_broken_file_is_replaced_and_kept(tmp_path: Path, online: Archive) -> None:
    folder = write(tmp_path, data_batch_2=b"mine")
    fetch(online, tmp_path)
    assert {file: (folder / file).read_bytes() for file in FILES} == content()
    assert (folder / "data_batch_2.bin.replaced").read_bytes() == b"mine"


BROKEN = {
    "truncated": (
        content()["data_batch_3.bin"][:-1],
        f"contains {SIZE - 1:,} bytes; CIFAR-10 has {SIZE:,} in this file (4 ",
    ),
    "empty": (b"", "is empty (0 bytes)"),
    "html": (b"<html>" + bytes(100), f"contains 106 bytes; CIFAR-10 has {SIZE:,} in this file (4 images of 3,073)"),
    "label": (records(2, [0, 1, 10, 3]), "label 10 at position 2, CIFAR-10's labels are 0 … 9"),
    "black": (bytes(SIZE), "all of its 4 images are black (every byte is zero)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_is_named(tmp_path: Path, offline: Archive, kind: str) -> None:
    data, fault = BROKEN[kind]
    folder = write(tmp_path, data_batch_3=data)
    with pytest.raises(DataError) as error:
        read_source(offline, tmp_path)
    assert str(error.value).startswith(f"{folder / 'data_batch_3.bin'}: {fault}")


def test_what_cannot_be_had_is_an_error_with_the_ways_out(tmp_path: Path, offline: Archive) -> None:
    folder = write(tmp_path, data_batch_2=None)
    with pytest.raises(DataError) as error:
        load("cifar10", tmp_path)
    assert str(error.value) == "\n".join(
        [
            "data=cifar10: CIFAR-10 is not available",
            f"  {folder} lacks data_batch_2.bin",
            "  the download failed (http://127.0.0.1:9/cifar-10-binary.tar.gz: Connection refused)",
            "  looked for:",
            *(f"    {folder / file}" for file in FILES),
            "  remedies:",
            f"    - unpack {offline.address} under data.root (torchvision's version, cifar-10-batches-py, is not "
            "read, because it consists of pickles, which can run code)",
            "    - GAN_DATA=FOLDER in the environment, if the files are in another folder",
        ]
    )


def test_failed_download_is_one_line_and_leaves_nothing(
    tmp_path: Path, online: Archive, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = "/cifar-10-binary.tar.gz", packed(content())
    without_one = {name: data for name, data in content().items() if name != "test_batch.bin"}
    short = content() | {"data_batch_1.bin": b"short"}
    troubles: list[tuple[bytes | None, bool, str]] = [
        (None, False, "HTTP Error 404: Not Found"),
        (b"<html>please log in</html>", False, "the answer is not the file (wrong sha256)"),
        (whole, True, "the answer is not the file (wrong sha256)"),
        (gzip.compress(b"no tar", mtime=0), True, "the answer is not the file (wrong sha256)"),
        # what has the right digest and is still no CIFAR-10: only if our own entry were wrong
        (packed(without_one), False, "cifar-10-binary.tar.gz is not a complete archive of CIFAR-10 "
                                     "(filename 'cifar-10-batches-bin/test_batch.bin' not found)"),
        (packed(short), False, "cifar-10-batches-bin/data_batch_1.bin in cifar-10-binary.tar.gz is not a file of "
                               f"{SIZE:,} bytes"),
        (whole[:-1000], False, "cifar-10-binary.tar.gz is not a complete archive of CIFAR-10 "
                               "(Compressed file ended before the end-of-stream marker was reached)"),
    ]  # fmt: skip
    for answer, cut, reason in troubles:
        mirror.answers = {} if answer is None else {path: answer}
        mirror.cut = {path} if cut else set()
        unpacked = "binary.tar.gz" in reason
        source = tiny_cifar(monkeypatch, online.address, (answer or b"") if unpacked else whole)
        with pytest.raises(DataError) as error:
            fetch(source, tmp_path)
        assert str(error.value) == f"{online.address}: {reason}"
        assert [file.name for file in tmp_path.iterdir()] == [LOCK_NAME]
