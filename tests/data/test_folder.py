"""A folder of the user's own pictures: layouts, formats, and every way in which it can be wrong."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan.data import memory
from gan.data.folder import load_folder
from gan.data.folder_listing import natural
from gan.data.module import ImageData
from gan.data.picture_files import SUFFIXES
from gan.system.errors import DataError


def picture(value: int, size: int | tuple[int, int] = 16, mode: str = "L") -> Image.Image:
    """All pixels alike; ``size`` is a width and a height."""
    colour = value if mode == "L" else (value, value // 2, 0)
    return Image.new(mode, (size, size) if isinstance(size, int) else size, colour)


def fill(folder: Path, names: list[str], **kind: Any) -> Path:
    """Pictures of these names; the n-th is of the grey value n."""
    for value, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(value, **kind).save(path)
    return folder


def values(images: torch.Tensor) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def error_of(folder: Path, *settings: int | None, **others: str) -> str:
    with pytest.raises(DataError) as error:
        load_folder(str(folder), *settings, **others)
    assert str(error.value).startswith(f"data.folder={folder}: ")
    return str(error.value).removeprefix(f"data.folder={folder}: ")


def test_without_classes(tmp_path: Path) -> None:
    fill(tmp_path, [f"{number:02}.png" for number in range(25)])
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.png").write_text("nor this")
    loaded = load_folder(str(tmp_path))
    assert loaded.images.shape == (23, 1, 16, 16)
    assert loaded.images.dtype == torch.uint8
    assert values(loaded.held_out_images) == [9, 19]
    assert values(loaded.images) == [number for number in range(25) if number not in (9, 19)]
    assert torch.equal(loaded.labels, torch.zeros(23, dtype=torch.int64))
    assert torch.equal(loaded.held_out_labels, torch.zeros(2, dtype=torch.int64))
    assert (loaded.name, loaded.class_names, loaded.substitute_for) == ("folder", (), None)
    assert loaded.origin == (
        f"the folder {tmp_path}: 23 pictures to train on and 2 held out (every tenth by name), 16 x 16 grey, no classes"
    )


def test_numbered_class_folders_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    fill(tmp_path, [f"{number}/0.png" for number in range(12)])
    loaded = load_folder(str(tmp_path))
    assert loaded.class_names == tuple(map(str, range(12)))
    # the pictures stand, and are held out, in the order of their names as text, as ever
    by_text = sorted(range(12), key=str)
    assert loaded.labels.tolist() == by_text
    assert load_folder(str(tmp_path), class_order="name").class_names == tuple(map(str, by_text))
    assert load_folder(str(tmp_path), class_order="name").labels.tolist() == list(range(12))


@pytest.mark.parametrize(
    "names",
    [
        ("1", "02", "10"), ("01", "1", "2"), ("a", "b"), ("B", "a"), ("img2", "img10"), ("1.5", "1.10"), ("", "0", "x"),
        ("x1y2", "x1y10", "x2y1"), ("-1", "-2"), ("9" * 200, "1" + "0" * 200), ("\N{ARABIC-INDIC DIGIT ONE}",),
    ],
)  # fmt: skip
def test_natural_order(names: tuple[str, ...]) -> None:
    assert tuple(sorted(reversed(names), key=natural)) == names


def test_class_folders_in_the_order_of_their_names(tmp_path: Path) -> None:
    names = [f"{kind}/{number}.png" for kind in ("ant", "bee", "cow") for number in range(4)]
    fill(tmp_path, names, mode="RGB")
    (tmp_path / "empty").mkdir()
    loaded = load_folder(str(tmp_path))
    assert loaded.class_names == ("ant", "bee", "cow")
    assert loaded.labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert loaded.held_out_labels.tolist() == [2]
    assert values(loaded.held_out_images) == [9]
    assert loaded.images.shape == (11, 3, 16, 16)
    assert loaded.images[4, :, 0, 0].tolist() == [4, 2, 0]
    assert loaded.origin.endswith("16 x 16 in colour, 3 classes (ant, bee, cow)")


def test_the_first_of_a_class_is_never_held_out(tmp_path: Path) -> None:
    # the tenth picture is the only one of its class, the twentieth the first of its class
    names = [f"a/{number}.png" for number in range(9)] + ["b/0.png"] + [f"c/{number}.png" for number in range(9)]
    loaded = load_folder(str(fill(tmp_path, [*names, "d/0.png", "d/1.png"])))
    assert len(loaded.held_out_images) == 0
    assert loaded.held_out_images.shape == (0, 1, 16, 16)
    assert loaded.labels.bincount().tolist() == [9, 1, 9, 2]


def test_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "mine", [f"{kind}/{number}.png" for kind in "ab" for number in range(10)])
    monkeypatch.chdir(tmp_path)
    data = ImageData("folder", "nowhere", folder="mine", batch_size=6, image_size=32)
    data.setup()
    assert (data.image_shape, data.num_classes, data.class_names) == ((1, 32, 32), 2, ("a", "b"))
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (6, 1, 32, 32)
    assert labels.shape == (6,)
    assert f"the folder {tmp_path / 'mine'}: " in data.origin
    plain = ImageData("folder", folder="mine/a")
    plain.setup()
    assert (plain.num_classes, plain.class_names) == (0, ())


FORMATS = {"png": 0, "bmp": 0, "tif": 0, "ppm": 0, "webp": 3, "jpg": 3, "jpeg": 3, "gif": 3}  # and how true they are


@pytest.mark.parametrize("suffix", FORMATS)
def test_formats(tmp_path: Path, suffix: str) -> None:
    assert f".{suffix}" in SUFFIXES
    fill(tmp_path, [f"0.{suffix}", f"1.{suffix.upper()}"])
    picture(200, mode="RGB").save(tmp_path / f"2.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    loaded = load_folder(str(tmp_path))
    assert loaded.images.shape == (3, 3, 16, 16)
    assert (loaded.images[2, :, 5, 5].int() - torch.tensor([200, 100, 0])).abs().max() <= FORMATS[suffix]


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    picture(10).save(tmp_path / "a.gif", save_all=True, append_images=[picture(200)])
    assert values(load_folder(str(tmp_path)).images) == [10]


def test_kinds_of_pixels(tmp_path: Path) -> None:
    picture(200, mode="RGB").quantize(4).save(tmp_path / "0 palette.png")
    Image.new("1", (16, 16), 1).save(tmp_path / "1 bits.png")
    transparent = Image.new("RGBA", (16, 16), (10, 20, 30, 0))
    transparent.putpixel((3, 0), (10, 20, 30, 255))
    transparent.save(tmp_path / "2 transparent.png")
    Image.new("LA", (16, 16), (0, 51)).save(tmp_path / "3 a fifth of black.png")
    Image.new("CMYK", (16, 16), (0, 0, 0, 0)).save(tmp_path / "4 print.jpg")
    images = load_folder(str(tmp_path)).images
    assert images[:, :, 0, 0].tolist() == [[200, 100, 0], [255] * 3, [255] * 3, [204] * 3, [255] * 3]
    assert images[2, :, 0, 3].tolist() == [10, 20, 30]


def test_pictures_stand_upright(tmp_path: Path) -> None:
    lying = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned clockwise by a quarter
    lying.save(tmp_path / "0.png", exif=exif)
    upright = np.rot90(np.asarray(lying), -1)
    assert np.array_equal(load_folder(str(tmp_path)).images[0, 0].numpy(), upright)


def test_size_and_channels_can_be_chosen(tmp_path: Path) -> None:
    fill(tmp_path, ["0.png"], size=32)
    columns = np.zeros((32, 32, 3), np.uint8)
    columns[:, 8] = 255
    Image.fromarray(columns).save(tmp_path / "1.png")
    picture(100, 48, "RGB").save(tmp_path / "2.png")
    images = load_folder(str(tmp_path), 16).images
    assert images.shape == (3, 3, 16, 16)
    assert images[1, 0, 5].tolist() == [0, 0, 0, 32, 96, *[0] * 11]  # as tests/data/test_resizing.py works out
    grey = load_folder(str(tmp_path), 16, 1).images
    assert grey.shape == (3, 1, 16, 16)
    assert grey[2, 0, 0, 0].item() == 59  # 0.299 * 100 + 0.587 * 50
    assert load_folder(str(fill(tmp_path / "grey", ["0.png"])), None, 3).images.shape == (1, 3, 16, 16)


def test_no_folder(tmp_path: Path) -> None:
    assert error_of(tmp_path / "nowhere") == "there is no such folder"
    (tmp_path / "file.png").write_bytes(b"")
    assert error_of(tmp_path / "file.png") == "is a file; a folder of pictures is expected"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_read(tmp_path: Path) -> None:
    fill(tmp_path, ["a/0.png", "b/0.png"])
    (tmp_path / "b").chmod(0)
    assert error_of(tmp_path) == f"{tmp_path / 'b'} cannot be read (Permission denied)"
    (tmp_path / "b").chmod(0o700)


def test_folder_whose_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, ["a/0.png", "b/0.png"])
    scandir = os.scandir

    def refused(path: Path) -> Any:
        if path == tmp_path / "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert error_of(tmp_path) == f"{tmp_path / 'b'} cannot be read (Permission denied)"


def test_no_pictures(tmp_path: Path) -> None:
    endings = (
        "pictures end in .png, .jpg, .jpeg, .jfif, .jpe, .bmp, .webp, .gif, .tif, .tiff, .ppm, .pgm, .pbm, .pnm, "
        ".avif, .heic, .heif"
    )
    assert error_of(tmp_path) == f"no pictures in it or in its sub-folders, it is empty; {endings}"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "video.mp4").write_bytes(b"")
    assert (
        error_of(tmp_path)
        == f"no pictures in it or in its sub-folders, it contains 1 other file (a/video.mp4); {endings}"
    )


def test_pictures_too_deep(tmp_path: Path) -> None:
    fill(tmp_path, [f"train/{kind}/{number}.png" for kind in "ab" for number in range(2)])
    where = "pictures lie in the folder itself or in one layer of sub-folders, its classes"
    assert error_of(tmp_path) == (
        f"4 pictures too deep in it (train/a/0.png, train/a/1.png, train/b/0.png, …); {where}, "
        f"as in data.folder={tmp_path}/train"
    )
    fill(tmp_path, ["other/0.png"])
    assert error_of(tmp_path).endswith(where)


def test_pictures_beside_class_folders(tmp_path: Path) -> None:
    fill(tmp_path, ["0.png", "a/1.png", "b/2.png"])
    assert error_of(tmp_path) == (
        "1 picture in the folder itself (0.png) and 2 in sub-folders (a/1.png, b/2.png); "
        "all in sub-folders, its classes, or none"
    )


def test_only_one_class_folder(tmp_path: Path) -> None:
    fill(tmp_path, ["cats/0.png", "cats/1.png"])
    assert error_of(tmp_path) == (
        "all 2 pictures are in one sub-folder, 'cats', but classes must be two or more; "
        f"to train without classes: data.folder={tmp_path}/cats"
    )


def test_all_broken_pictures_are_counted_and_the_first_named(tmp_path: Path) -> None:
    fill(tmp_path, [f"{number:02}.png" for number in range(10)])
    noise = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "20.png")
    whole = (tmp_path / "20.png").read_bytes()
    (tmp_path / "20.png").write_bytes(whole[: len(whole) - 100])
    (tmp_path / "21.png").write_bytes(b"")
    (tmp_path / "22.png").write_text("<html>")
    (tmp_path / "23.png").symlink_to(tmp_path / "nowhere.png")
    Image.fromarray(np.full((16, 16), np.nan, np.float32)).save(tmp_path / "24.tif")
    first, cut, *rest = error_of(tmp_path).splitlines()
    assert cut.startswith("  20.png: image file is truncated")  # some versions of Pillow say more
    assert "\n".join([first, *rest]) == "\n".join(
        [
            "5 of 15 pictures cannot be read; repair or remove them, or skip them with data.on_broken=skip:",
            "  21.png: is empty (0 bytes)",
            "  22.png: no picture in a format that Pillow knows",
            "  23.png: No such file or directory",
            "  24.tif: holds values that are not finite (NaN or infinite)",
        ]
    )
    for number in range(25, 33):
        (tmp_path / f"{number}.png").write_bytes(b"")
    lines = error_of(tmp_path).splitlines()
    assert lines[0].startswith("13 of 23 pictures cannot be read; repair or remove them, or skip them")
    assert lines[-1] == "  … and 8 more"
    assert len(lines) == 7


def test_nothing_but_broken_pictures(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"")
    assert error_of(tmp_path) == ("1 of 1 picture cannot be read; repair or remove them:\n  0.png: is empty (0 bytes)")


def test_different_sizes(tmp_path: Path) -> None:
    fill(tmp_path, [f"{number}.png" for number in range(5)], size=33)  # of which no DCGAN can be built
    fill(tmp_path, ["5.png", "6.png"], size=20)
    assert error_of(tmp_path) == (
        "pictures of 2 sizes: 2 of 20 x 20 (5.png, 6.png); 5 of 33 x 33 (0.png, 1.png, 2.png, …); "
        "give data.image_size, such as data.image_size=32, to resize all of them"
    )


@pytest.mark.parametrize(("size", "nearest"), [(8, 16), (200, 128)])
def test_size_out_of_range(tmp_path: Path, size: int, nearest: int) -> None:
    fill(tmp_path, ["0.png"], size=size)
    assert error_of(tmp_path) == (
        f"pictures of {size} x {size} pixels (0.png), 16 to 128 expected; give data.image_size={nearest}"
    )
    assert load_folder(str(tmp_path), nearest).images.shape == (1, 1, nearest, nearest)


def test_not_square(tmp_path: Path) -> None:
    fill(tmp_path, ["0.png", "1.png"])
    fill(tmp_path, ["2.png", "3.png"], size=(40, 30))
    for image_size in (None, 16):
        assert error_of(tmp_path, image_size) == (
            "2 of 4 pictures not square: 2.png (40 x 30), 3.png (40 x 30); give data.fit=crop, which crops to the "
            "square in the middle, or data.fit=pad, which adds black bars"
            f"{'' if image_size else '; also give data.image_size=16'}"
        )


def test_too_many_for_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, ["0.png", "1.png"])
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    assert error_of(tmp_path) == (
        "2 images of 1 x 16 x 16 need 0.0 GiB, but only half of the free 0.0 GiB may be used; "
        "a smaller data.image_size needs less (1 of these images would fit)"
    )


@pytest.mark.parametrize("test", ["test", "validation", "val"])
def test_a_test_folder_is_held_out(tmp_path: Path, test: str) -> None:
    """The layout of Hugging Face's `imagefolder`."""
    fill(tmp_path, [f"train/{kind}/{number}.png" for kind in "ab" for number in range(12)])
    fill(tmp_path, [f"{test}/b/{number}.png" for number in range(5)])
    loaded = load_folder(str(tmp_path / "train"))
    assert len(loaded.held_out_images) == 2
    fill(tmp_path, [f"{test}/a/9.png"])
    loaded = load_folder(str(tmp_path))
    assert (len(loaded.images), loaded.class_names) == (24, ("a", "b"))
    assert loaded.held_out_labels.tolist() == [0, 1, 1, 1, 1, 1]
    assert f"24 pictures to train on and 6 held out (the folder {test})" in loaded.origin
    assert len(load_folder(str(tmp_path), held_out=0.25).held_out_images) == 6
    (tmp_path / test / "a").rename(tmp_path / test / "c")
    with pytest.raises(DataError, match="class folders c; the classes of the training images are 2 classes"):
        load_folder(str(tmp_path))


def test_a_test_folder_without_classes(tmp_path: Path) -> None:
    fill(tmp_path, [f"train/{number}.png" for number in range(12)])
    fill(tmp_path, [f"test/{number}.png" for number in range(3)])
    loaded = load_folder(str(tmp_path))
    assert (len(loaded.images), len(loaded.held_out_images), loaded.class_names) == (12, 3, ())


def test_held_out_folder_and_share(tmp_path: Path) -> None:
    fill(tmp_path, [f"mine/{number:02}.png" for number in range(20)])
    fill(tmp_path, [f"other/{number}.png" for number in range(3)])
    mine = str(tmp_path / "mine")
    assert len(load_folder(mine, held_out=str(tmp_path / "other")).held_out_images) == 3
    assert len(load_folder(mine, held_out=str(tmp_path / "other")).images) == 20
    halves = load_folder(mine, held_out=0.5)
    assert (len(halves.images), len(halves.held_out_images)) == (10, 10)
    assert "10 held out (a fraction of 0.5)" in halves.origin
