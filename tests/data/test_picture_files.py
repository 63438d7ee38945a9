"""Pictures as they come: oblong, of many bits, of formats that not every Pillow reads, broken, and not files at all."""

import logging
import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan.data import folder_listing, picture_files
from gan.data.folder import load_folder
from gan.data.module import ImageData
from gan.data.picture_files import read_pixels
from gan.system.errors import DataError


def save(path: Path, values: Any, dtype: Any = np.uint8, **settings: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.broadcast_to(np.asarray(values, dtype), (16, 16)).copy()).save(path, **settings)
    return path


def firsts(folder: Path, **settings: Any) -> list[int]:
    found: list[int] = load_folder(str(folder), **settings).images[:, 0, 0, 0].tolist()
    return found


def stripes(width: int, height: int) -> np.ndarray:
    """Each pixel is the number of its column, in colour."""
    return np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None], (height, width, 3)).copy()


def test_oblong_pictures_are_cropped_in_the_middle_or_padded(tmp_path: Path) -> None:
    Image.fromarray(stripes(40, 20)).save(tmp_path / "0.png")
    Image.fromarray(stripes(40, 20).transpose(1, 0, 2).copy()).save(tmp_path / "1.png")
    cropped = load_folder(str(tmp_path), fit="crop")
    assert cropped.images.shape == (2, 3, 20, 20)
    assert cropped.images[0, 1, 7].tolist() == list(range(10, 30))
    assert torch.equal(cropped.images[1], cropped.images[0].transpose(1, 2))
    padded = load_folder(str(tmp_path), fit="pad")
    assert padded.images.shape == (2, 3, 40, 40)
    assert padded.images[0, 1, 20].tolist() == list(range(40))
    assert padded.images[0, :, :10].sum() == padded.images[0, :, 30:].sum() == 0
    assert torch.equal(padded.images[1], padded.images[0].transpose(1, 2))
    assert cropped.origin.endswith("no classes; 2 made square (crop)")


def test_celeba_trains(tmp_path: Path) -> None:
    for number in range(12):  # CelebA's aligned pictures are 178 x 218
        Image.fromarray(stripes(178, 218)).save(tmp_path / f"{number:06}.jpg")
    with pytest.raises(DataError, match=r"pictures of 178 x 178 pixels .*; give data\.image_size=128$"):
        load_folder(str(tmp_path), fit="crop")
    data = ImageData("folder", folder=str(tmp_path), fit="crop", image_size=64, batch_size=4)
    data.setup()
    images, _ = next(iter(data.train_dataloader()))
    assert images.shape == (4, 3, 64, 64)


def test_squares_and_pictures_that_lie_on_their_side_are_fitted_as_the_others(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(stripes(32, 32)).save(tmp_path / "0.png")
    Image.fromarray(stripes(48, 32)).save(tmp_path / "1.png", exif=turned)  # it stands 32 wide, 48 high
    for fit in ("crop", "pad"):
        images = load_folder(str(tmp_path), 16, fit=fit).images
        assert images.shape == (2, 3, 16, 16)
        assert torch.equal(images[0], load_folder(str(tmp_path / "."), 16, fit=fit).images[0])
    assert load_folder(str(tmp_path), 16, fit="pad").images[1, 0, :, 0].max() == 0  # bars at the left, not on top
    Image.fromarray(stripes(32, 32)).save(tmp_path / "1.png")
    plain = load_folder(str(tmp_path), 16).images
    assert torch.equal(load_folder(str(tmp_path), 16, fit="crop").images, plain)


def test_very_oblong_pictures(tmp_path: Path) -> None:
    Image.new("L", (1, 1000), 90).save(tmp_path / "0.png")
    assert firsts(tmp_path, image_size=16, fit="crop") == [90]
    assert load_folder(str(tmp_path), 16, fit="pad").images.shape == (1, 1, 16, 16)


@pytest.mark.parametrize(
    ("suffix", "dtype", "values", "expected"),
    [
        ("png", np.uint16, [0, 257, 65535], [0, 1, 255]),  # all 16 bits: 257 is one step of 255
        ("tif", np.uint16, [0, 2048, 4095], [0, 128, 255]),  # a 12-bit camera's
        ("pgm", np.uint16, [0, 256, 65535], [0, 1, 255]),
        ("tif", np.int32, [0, 100, 200], [0, 100, 200]),  # 8 bits in 32
        ("tif", np.int32, [0, 2**20 - 1], [0, 255]),
        ("tif", np.int32, [-1000, 0, 1000], [0, 128, 255]),  # no unsigned range: from the least to the largest
        ("tif", np.float32, [0.0, 0.2, 0.9], [0, 51, 229]),  # in [0, 1]
        ("tif", np.float32, [-3.0, 0.0, 3.0], [0, 128, 255]),
        ("tif", np.float32, [0.0, 100.0, 200.0], [0, 128, 255]),
        ("tif", np.float32, [7.0, 7.0], [0, 0]),
    ],
)
def test_pictures_of_many_bits_are_scaled_alike(
    tmp_path: Path, suffix: str, dtype: Any, values: list[float], expected: list[int]
) -> None:
    for number, value in enumerate(values):
        save(tmp_path / f"{number}.{suffix}", value, dtype)
    assert firsts(tmp_path) == expected
    assert load_folder(str(tmp_path), image_channels=3).images.shape == (len(values), 3, 16, 16)


def test_each_kind_of_many_bits_has_a_range_of_its_own_and_8_bits_stay(tmp_path: Path) -> None:
    save(tmp_path / "0.png", 100)
    save(tmp_path / "1.png", 4095, np.uint16)
    save(tmp_path / "2.tif", 0.5, np.float32)
    loaded = load_folder(str(tmp_path))
    assert loaded.images[:, 0, 0, 0].tolist() == [100, 255, 128]
    assert loaded.origin.endswith(
        "; 1 of floats, of which 0 became 0 and 1 became 255; "
        "1 of 16-bit or 32-bit numbers, of which 0 became 0 and 4095 became 255"
    )
    # `gan invert`, which has one picture and no folder
    assert read_pixels(tmp_path / "1.png", 1, 16, 16)[0, 0, 0] == 255


def test_many_bits_stand_upright(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    lying = np.arange(256, dtype=np.uint16).reshape(16, 16)
    save(tmp_path / "0.png", lying, np.uint16, exif=turned)
    assert np.array_equal(load_folder(str(tmp_path)).images[0, 0].numpy(), np.rot90(lying, -1))


def test_palettes_with_transparency_stand_on_white(tmp_path: Path) -> None:
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    picture.save(tmp_path / "0.png", transparency=1)
    picture.save(tmp_path / "1.png")
    assert load_folder(str(tmp_path)).images[:, :, 0, 0].tolist() == [[255] * 3, [10, 20, 30]]


def test_every_suffix_of_a_jpeg_and_of_a_portable_map(tmp_path: Path) -> None:
    for number, suffix in enumerate((".jfif", ".jpe", ".JFIF", ".pnm", ".pbm")):
        kind = Image.new("1", (16, 16), 1) if suffix == ".pbm" else Image.new("L", (16, 16), 255)
        kind.save(tmp_path / f"{number}{suffix}", format="jpeg" if suffix.lower().startswith(".j") else "ppm")
    assert firsts(tmp_path) == [255] * 5


@pytest.mark.skipif(not picture_files.can_read(".avif"), reason="this Pillow has no AVIF")
def test_avif(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), (200, 100, 0)).save(tmp_path / "0.avif")
    assert abs(firsts(tmp_path)[0] - 200) <= 3


def test_what_is_left_out_is_counted_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    monkeypatch.setitem(sys.modules, "pillow_avif", None)
    monkeypatch.setattr(picture_files.features, "check", lambda feature: False)
    caplog.set_level(logging.INFO)
    for name in ("a.heic", "b.HEIC", "c.heif", "d.avif", "notes.txt", "f.psd", ".hidden.heic"):
        (tmp_path / name).write_bytes(b"?")
    both = (
        '1 .avif file (d.avif; this Pillow cannot read it: pip install "pillow>=11.3"); '
        '2 .heic files (a.heic, b.HEIC; this Pillow cannot read it: pip install "pillow-heif"); '
        '1 .heif file (c.heif; this Pillow cannot read it: pip install "pillow-heif"); '
        "2 other files (f.psd, notes.txt)"
    )
    with pytest.raises(DataError) as error:
        load_folder(str(tmp_path))
    assert f"no pictures in it or in its sub-folders, it contains {both}; pictures end in" in str(error.value)
    save(tmp_path / "0.png", 7)
    assert firsts(tmp_path) == [7]
    record = caplog.records[-2]
    assert (record.levelname, record.getMessage()) == ("WARNING", f"data.folder={tmp_path}: left out: {both}")


def test_the_advised_plugin_makes_heic_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = types.ModuleType("pillow_heif")  # not a dependency: a stand-in that reads PNG files of that name
    switched_on = []
    plugin.register_heif_opener = lambda: switched_on.append(1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", plugin)
    save(tmp_path / "0.heic", 7, format="png")
    assert firsts(tmp_path) == [7]
    assert switched_on


def test_other_files_alone_are_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    save(tmp_path / "0.png", 7)
    (tmp_path / "notes.txt").write_text("?")
    load_folder(str(tmp_path))
    told = {record.getMessage(): record.levelname for record in caplog.records}
    assert told[f"data.folder={tmp_path}: left out: 1 other file (notes.txt)"] == "INFO"


def test_links(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "elsewhere" / "0.png", 7)
    save(tmp_path / "mine" / "a" / "0.png", 8)
    (tmp_path / "mine" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine" / "a" / "1.png").symlink_to(tmp_path / "elsewhere" / "0.png")
    (tmp_path / "mine" / "a" / "loop").symlink_to(tmp_path / "mine")
    (tmp_path / "mine" / "a" / "itself").symlink_to(tmp_path / "mine" / "a")
    assert firsts(tmp_path / "mine") == [8, 7, 7]
    assert "left out: 2 looping links (a/itself, a/loop)" in caplog.text
    assert load_folder(str(tmp_path / "mine")).class_names == ("a", "b")
    (tmp_path / "mine" / "b" / "2.png").symlink_to(tmp_path / "mine" / "b" / "2.png")  # a link to itself
    with pytest.raises(DataError, match=r"1 of 4 pictures cannot be read.*\n  b/2\.png: Too many levels"):
        load_folder(str(tmp_path / "mine"))


def test_folders_that_are_not_looked_into_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "0.png", 7)
    save(tmp_path / "a" / "b" / "c" / "1.png", 7)
    assert firsts(tmp_path) == [7]
    assert f"left out: 1 folder below the layer {folder_listing.DEEPEST} (a/b/c)" in caplog.text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    save(tmp_path / "0.png", 7)
    os.mkfifo(tmp_path / "1.png")
    with pytest.raises(DataError, match=r"\n  1\.png: is not a regular file$"):
        load_folder(str(tmp_path))
    assert firsts(tmp_path, on_broken="skip") == [7]


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "0.png", 7)
    save(tmp_path / "1.png", 8)
    opened = Image.open

    def refused(path: Path) -> Any:
        if path.name == "1.png":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path)

    monkeypatch.setattr(Image, "open", refused)
    with pytest.raises(DataError, match=r"\n  1\.png: Permission denied$"):
        load_folder(str(tmp_path))
    assert firsts(tmp_path, on_broken="skip") == [7]


def test_broken_pictures_are_skipped_as_if_they_were_not_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    for number in range(25):
        save(tmp_path / "mine" / "ab"[number % 2] / f"{number:02}.png", rng.integers(0, 256, (16, 16)))
    loaded = load_folder(str(tmp_path / "mine"))
    whole = (tmp_path / "mine" / "a" / "00.png").read_bytes()
    (tmp_path / "mine" / "a" / "0.png").write_bytes(whole[:-100])  # its header is whole
    (tmp_path / "mine" / "a" / "03.png").write_bytes(b"")
    (tmp_path / "mine" / "b" / "99.png").write_text("<html>")
    skipped = load_folder(str(tmp_path / "mine"), on_broken="skip")
    for name in ("images", "labels", "held_out_images", "held_out_labels"):
        assert torch.equal(getattr(skipped, name), getattr(loaded, name))
    assert skipped.origin == f"{loaded.origin}; 3 broken left out"
    lines = caplog.records[-1].getMessage().splitlines()
    assert lines[0] == f"data.folder={tmp_path / 'mine'}: 3 of 28 pictures cannot be read, and left out:"
    assert lines[1].startswith("  a/0.png: image file is truncated")
    assert lines[2:] == ["  a/03.png: is empty (0 bytes)", "  b/99.png: no picture in a format that Pillow knows"]


def test_what_cannot_be_skipped(tmp_path: Path) -> None:
    save(tmp_path / "a" / "0.png", 7)
    save(tmp_path / "b" / "0.png", 7)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "0.png").write_bytes(b"")
    with pytest.raises(DataError) as error:
        load_folder(str(tmp_path), on_broken="skip")
    assert str(error.value) == (
        f"data.folder={tmp_path}: no picture of class c can be read; repair them or remove the folder:\n"
        "  c/0.png: is empty (0 bytes)"
    )
    with pytest.raises(DataError, match=r"1 of 1 picture cannot be read; repair or remove them:"):
        load_folder(str(tmp_path / "c"), on_broken="skip")


def test_class_folders_whose_names_cannot_be_printed(tmp_path: Path) -> None:
    # a bundle would refuse such a name, after the first epoch
    save(tmp_path / "a\nb" / "0.png", 7)
    save(tmp_path / "c" / "0.png", 7)
    with pytest.raises(DataError, match=r"characters that cannot be printed: 'a\\nb'; rename the folders"):
        load_folder(str(tmp_path))


def test_file_names_that_are_no_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    odd = os.fsdecode(b"\xff.png")
    try:
        save(tmp_path / "0.png", 7)
        (tmp_path / odd).write_bytes(b"")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes text alone")
    assert firsts(tmp_path, on_broken="skip") == [7]
    assert "\\udcff.png: is empty" in caplog.records[-1].getMessage()
