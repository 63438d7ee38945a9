"""data=array: images from .npz, .npy and .pt files, and each unusable file in one message."""

import hashlib
import io
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import torch

from gan.data import memory
from gan.data.arrays import load_array
from gan.data.sources import load
from gan.system.errors import DataError

COUNT = 20
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 16, 16), dtype=np.uint8)
LABELS = np.arange(COUNT) % 2


DAMAGED: dict[str, Callable[[IO[bytes]], None]] = {
    ".npy": lambda file: np.save(file, IMAGES),
    ".npz": lambda file: np.savez_compressed(file, images=IMAGES, labels=LABELS),
    ".pt": lambda file: torch.save({"images": torch.as_tensor(IMAGES)}, file, _use_new_zipfile_serialization=False),
}


def write(path: Path, content: Any) -> str:
    if path.suffix == ".npy":
        np.save(path, content)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    else:
        torch.save(content, path)
    return str(path)


def tensors(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.as_tensor(array) for name, array in arrays.items()}


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y"), ("x_train", "y_train")])
@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_images_and_labels(tmp_path: Path, names: tuple[str, str], suffix: str) -> None:
    arrays = {names[0]: IMAGES, names[1]: LABELS}
    file = write(tmp_path / f"mine{suffix}", arrays if suffix == ".npz" else tensors(arrays))
    loaded = load("array", file=file)
    held_out = np.arange(COUNT) >= 18  # the tenth of ten images of each class
    assert np.array_equal(loaded.images[:, 0].numpy(), IMAGES[~held_out])
    assert np.array_equal(loaded.held_out_labels.numpy(), LABELS[held_out])
    assert (loaded.name, loaded.class_names) == ("array", ("0", "1"))
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12]
    assert loaded.origin == (
        f"the file {file} (sha256 {digest}): 18 images to train on and "
        "2 held out (every tenth of each class), 16 x 16 grey, 2 classes (0, 1)"
    )


def test_some_images_of_every_class_are_held_out_in_whatever_order_they_are(tmp_path: Path) -> None:
    images = np.zeros((200, 16, 16), np.uint8)
    in_turn, mixed = np.arange(200) % 10, np.random.default_rng(0).permutation(200) % 10
    for labels in (in_turn, np.sort(in_turn), mixed):
        file = write(tmp_path / "mine.npz", {"images": images, "labels": labels})
        for share, each in ((None, 2), (0.1, 2), (0.25, 5)):
            loaded = load_array(file, held_out=share)
            assert loaded.held_out_labels.bincount().tolist() == [each] * 10
            assert loaded.labels.bincount().tolist() == [20 - each] * 10
    alone = write(tmp_path / "alone.npy", images[:100])
    assert len(load_array(alone, held_out=0.29).held_out_images) == 29  # 100 * 0.29 is less than 29 in floating point


def test_the_range_of_floats_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "gan.data")
    for scaled, told in ((IMAGES / 255, "[0, 1]"), (IMAGES / 127.5 - 1, "[-1, 1]")):
        file = write(tmp_path / "floats.npy", scaled.astype(np.float32))
        load_array(file)
        assert caplog.messages[-1] == f"data.file={file}: read as floats in {told}"


def test_the_size_that_a_message_on_memory_advises_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, images in enumerate((np.zeros((100, 64, 64, 3), np.uint8), np.zeros((100, 64, 64, 3), np.float32))):
        file = write(tmp_path / f"{number}.npy", images)
        monkeypatch.setattr(memory, "free_memory", lambda: 200_000)
        with pytest.raises(
            DataError, match=r"8 of these images or all of them with data.image_size=18 would fit"
        ) as error:
            load("array", file=file)
        size = int(str(error.value).partition("data.image_size=")[2].split()[0])
        assert load("array", file=file, image_size=size).images.shape == (90, 3, 18, 18)


def test_a_test_split_is_held_out(tmp_path: Path) -> None:
    arrays = {"x_train": IMAGES[:12], "y_train": LABELS[:12], "x_test": IMAGES[12:], "y_test": LABELS[12:]}
    loaded = load_array(write(tmp_path / "keras.npz", arrays))
    assert (len(loaded.images), len(loaded.held_out_images)) == (12, 8)
    assert np.array_equal(loaded.held_out_images[:, 0].numpy(), IMAGES[12:])
    assert "8 held out (the test split)" in loaded.origin
    assert len(load_array(write(tmp_path / "keras.npz", arrays), held_out=0.5).held_out_images) == 6


def test_images_alone(tmp_path: Path) -> None:
    for file in (
        write(tmp_path / "one.npy", IMAGES),
        write(tmp_path / "two.npy", (IMAGES / np.float32(255)).astype(np.float64)),
        write(tmp_path / "three.pt", torch.as_tensor(IMAGES)[:, None] / 127.5 - 1),
    ):
        loaded = load_array(file)
        assert np.array_equal(loaded.images[:9, 0].numpy(), IMAGES[:9])
        assert loaded.class_names == ()
    pair = load_array(write(tmp_path / "pair.pt", (torch.as_tensor(IMAGES), torch.as_tensor(LABELS))))
    assert pair.class_names == ("0", "1")


def test_another_form(tmp_path: Path) -> None:
    oblong = np.repeat(IMAGES[:, :, :, None], 3, axis=3)[:, :12]
    loaded = load_array(write(tmp_path / "a.npz", {"images": oblong}), image_size=32, image_channels=1, fit="pad")
    assert loaded.images.shape == (18, 1, 32, 32)


class Runs:
    def __reduce__(self) -> Any:
        return (print, ("code",))


def unusable(folder: Path) -> list[tuple[str, str]]:
    """Files, and the message for each after its path."""
    nan = np.full((4, 16, 16), np.nan, dtype=np.float32)
    (folder / "broken.npz").write_bytes(b"PK\x03\x04nonsense")
    (folder / "folder.npz").mkdir()
    np.save(folder / "pickled.npy", np.array([Runs()]), allow_pickle=True)
    np.savez(folder / "pickled.npz", images=np.array([Runs()]))
    torch.save({"images": Runs()}, folder / "pickled.pt")
    no_code = "it holds pickled objects, which could run code when they are read"
    return [
        (str(folder / "nowhere.npz"), f"there is no such file ({folder}/nowhere.npz)"),
        (str(folder / "images.png"), "a file that ends in .npz, .npy, .pt expected"),
        (str(folder / "folder.npz"), "is a folder"),
        (str(folder / "broken.npz"), "it cannot be read (File is not a zip file)"),
        (str(folder / "pickled.npy"), no_code),
        (str(folder / "pickled.npz"), no_code),
        (
            str(folder / "pickled.pt"),
            "it holds other objects than tensors, which could run code when they are read",
        ),
        (
            write(folder / "names.npz", {"pictures": IMAGES}),
            "it has pictures; images (and labels), or x and y, or x_train and y_train expected",
        ),
        (
            write(folder / "flat.npy", IMAGES.reshape(COUNT, -1)),
            "images of shape 20 x 256; N x H x W, N x C x H x W or N x H x W x C expected",
        ),
        (
            write(folder / "two.npy", np.zeros((4, 2, 16, 16), np.uint8)),
            "shape N x 2 x 16 x 16; N x H x W, N x C x H x W or N x H x W x C expected, with C = 1 or 3",
        ),
        (
            write(folder / "words.npy", np.full((4, 16, 16), "x")),
            "images of type <U1; integers or floats expected",
        ),
        (write(folder / "nan.npy", nan), "image 0 has values that are not finite (NaN or infinite)"),
        (
            write(folder / "large.npy", IMAGES.astype(np.float32)),
            "values from 0 to 255; integers from 0 to 255 (as uint8), or floats in [0, 1] or [-1, 1] expected",
        ),
        (
            write(folder / "oblong.npy", IMAGES[:, :12]),
            "images of 12 x 16 (height x width) are not square; give data.fit=crop, which crops to the square "
            "in the middle, or data.fit=pad, which adds black bars",
        ),
        (write(folder / "labels.npz", {"x": IMAGES, "y": LABELS[:3]}), "3 labels for 20 images"),
        (
            write(folder / "classes.npz", {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}),
            "it has labels of its images, and none of its held-out images",
        ),
        (
            write(folder / "shapes.npz", {"x_train": IMAGES, "x_test": np.zeros((4, 20, 20), np.uint8)}),
            "the training images are 1 x 16 x 16 and the held-out images 1 x 20 x 20; one shape expected",
        ),
        (write(folder / "empty.npy", IMAGES[:0]), "there are no images in it"),
    ]


def test_unusable_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file, message in unusable(tmp_path):
        with pytest.raises(DataError) as error:
            load("array", file=file)
        assert str(error.value) == f"data.file={file}: {message}"
    assert capsys.readouterr().out == ""  # no code of a file has run


def test_larger_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [write(tmp_path / "a.npy", IMAGES), write(tmp_path / "a.npz", {"images": IMAGES})]
    monkeypatch.setattr(memory, "free_memory", lambda: 5120)  # of which half may be used; the images take 5,120
    for file in files:
        with pytest.raises(DataError, match=rf"^data.file={file}: .* need .*half of the free .* may be used; "):
            load_array(file)


def test_damaged_files_are_a_message(tmp_path: Path) -> None:
    """Truncated, and with changed bytes: read, or one line; no other error."""
    drawn = random.Random(0)
    for suffix, save in DAMAGED.items():
        whole = io.BytesIO()
        save(whole)
        file = tmp_path / f"damaged{suffix}"
        told = 0
        for round_ in range(60):
            content = bytearray(whole.getvalue())
            for _ in range(1 + round_ % 5):
                content[drawn.randrange(len(content))] = drawn.randrange(256)
            if round_ % 3 == 0:
                del content[drawn.randrange(len(content)) :]
            file.write_bytes(content)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # NumPy's on headers of Python 2
                try:
                    load_array(str(file))
                except DataError as error:
                    told += 1
                    assert str(error).startswith(f"data.file={file}: ")
                    assert "\n" not in str(error)
        assert told >= 20


def test_a_class_of_held_out_images_alone(tmp_path: Path) -> None:
    arrays = {"x": IMAGES, "y": LABELS, "x_test": IMAGES[:3], "y_test": np.array([0, 1, 2])}
    with pytest.raises(DataError, match=r": class 2 has held-out images, but no training images$"):
        load_array(write(tmp_path / "a.npz", arrays))
