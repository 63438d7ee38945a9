"""Held-out pictures are read as the training pictures: the same range of values, the same rule for broken ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan.data.registry import ARRAY, FOLDER
from gan.data.sources import load
from gan.system.errors import DataError


def picture(path: Path, value: float, brightest: float) -> None:
    """A float picture of one value, with one pixel of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.full((16, 16), value, np.float32)
    values[0, 0] = brightest
    Image.fromarray(values).save(path)


@pytest.mark.parametrize("held_out", [None, "test"])
def test_a_value_is_the_same_grey_in_both(held_out: str | None, tmp_path: Path) -> None:
    train, test = (tmp_path / "pictures" / "train", tmp_path / "pictures" / "test")
    for number in range(3):
        picture(train / f"{number}.tiff", 250, 1000)
        picture(test / f"{number}.tiff", 250, 500)
    picture(train / "dark.tiff", 0, 0)
    folder, other = (tmp_path / "pictures", None) if held_out is None else (train, str(test))
    loaded = load(FOLDER, folder=str(folder), held_out=other)
    assert loaded.images[:, 0, 8, 8].tolist() == [64, 64, 64, 0]
    assert loaded.held_out_images[:, 0, 8, 8].tolist() == [64, 64, 64]
    assert loaded.held_out_images[:, 0, 0, 0].tolist() == [128, 128, 128]


def test_broken_pictures_are_skipped_in_both(tmp_path: Path) -> None:
    for name in ("train", "test"):
        for number in range(3):
            picture(tmp_path / name / f"{number}.tiff", 0.1 * number, 1)
        (tmp_path / name / "broken.png").write_bytes(b"no picture")
    train, test = str(tmp_path / "train"), str(tmp_path / "test")
    with pytest.raises(DataError, match=r"or skip them with data.on_broken=skip"):
        load(FOLDER, folder=train, held_out=test)
    loaded = load(FOLDER, folder=train, held_out=test, on_broken="skip")
    assert (len(loaded.images), len(loaded.held_out_images)) == (3, 3)


def test_a_dataset_without_that_rule_is_not_advised_to_use_it(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    picture(tmp_path / "test" / "0.tiff", 0.5, 1)
    (tmp_path / "test" / "broken.png").write_bytes(b"no picture")
    np.save(tmp_path / "images.npy", np.zeros((20, 1, 16, 16), np.uint8))
    with pytest.raises(DataError, match=r"data.held_out=.*cannot be read; repair or remove them:") as raised:
        load(ARRAY, file=str(tmp_path / "images.npy"), held_out=str(tmp_path / "test"))
    assert "on_broken" not in str(raised.value)


def test_points_hold_out_no_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", torch.rand(50, 2).numpy())
    with pytest.raises(DataError, match=r"data.held_out=x: the training data are 2-D points; a fraction expected"):
        load(ARRAY, file=str(tmp_path / "points.npy"), held_out="x")
