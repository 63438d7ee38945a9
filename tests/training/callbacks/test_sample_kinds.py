"""SampleGrids beyond grey images of no class: classes in columns, points, colour."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from sampled_runs import Train, arrays, frames, images_of, pixels
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import few_images

from gan.data.loaded import LoadedImages
from gan.data.module import ImageData
from gan.data.normalization import denormalize
from gan.data.registry import TOY_DISTRIBUTIONS
from gan.generators.pictures import FAKE_COLOUR, REAL_COLOUR, grid
from gan.training.callbacks.samples import SampleGrids, class_columns


@pytest.mark.parametrize(
    ("count", "num_classes", "columns"),
    [
        (64, 10, 10),
        (64, 2, 8),  # four columns each
        (64, 3, 9),
        (64, 26, 26),
        (64, 47, None),  # too wide
        (64, 1000, None),
        (10, 10, None),  # a single row
        (20, 10, 10),
        (400, 10, 20),
        (64, 0, None),
    ],
)
def test_columns_of_a_grid_of_classes(count: int, num_classes: int, columns: int | None) -> None:
    assert class_columns(count, num_classes) == columns


def test_classes_come_in_turn_and_stand_in_columns(
    tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = images_of(monkeypatch, few_images())
    game = train(data, SampleGrids(count=7, scale=1), conditioning="concat")
    kept = arrays(tmp_path)
    assert kept["labels"].tolist() == [0, 1, 0, 1, 0, 1]  # whole rows
    assert kept["labels"].dtype == np.int64
    with torch.no_grad():
        fake = game.generator.eval()(torch.from_numpy(kept["latents"]), torch.from_numpy(kept["labels"]))
    assert np.array_equal(kept["images"][-1], denormalize(fake, 0.5, 0.5).numpy())
    assert np.array_equal(pixels(tmp_path, "epoch_0002.png"), grid(kept["images"][-1], columns=2)[0])
    # real images of the same classes, in the order of the file
    loaded = few_images()
    even, odd = loaded.images[loaded.labels == 0], loaded.images[loaded.labels == 1]
    real = torch.stack([even[0], odd[0], even[1], odd[1], even[2], odd[2]])
    assert np.array_equal(pixels(tmp_path, "real.png"), grid(real.numpy(), columns=2)[0])


def test_a_class_with_too_few_real_images_leaves_black_places(
    tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = few_images()
    labels = torch.zeros_like(loaded.labels)
    labels[5] = 1
    data = images_of(monkeypatch, replace(loaded, labels=labels))
    train(data, SampleGrids(count=6, scale=1), conditioning="concat", epochs=1)
    real = torch.stack([loaded.images[0], loaded.images[5], loaded.images[1], *[loaded.images[2]] * 3])
    real[3], real[4], real[5] = 0, loaded.images[2], 0
    assert np.array_equal(pixels(tmp_path, "real.png"), grid(real.numpy(), columns=2)[0])


def test_labels_are_not_kept_where_they_play_no_part(
    tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(images_of(monkeypatch, few_images()), SampleGrids(count=5), epochs=1)
    assert set(arrays(tmp_path)) == {"images", "epochs", "latents"}


# colour and points


def in_colour() -> LoadedImages:
    few = few_images()
    return replace(few, images=few.images.repeat(1, 3, 1, 1) // torch.tensor([1, 2, 4]).view(1, 3, 1, 1).byte())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_colour(tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    board = TensorBoardLogger(str(tmp_path), name="", version="board")
    train(images_of(monkeypatch, in_colour()), SampleGrids(count=5, scale=2), loggers=[board])
    kept = arrays(tmp_path)
    assert kept["images"].shape == (3, 5, 3, 6, 6)
    assert np.array_equal(pixels(tmp_path, "epoch_0002.png"), grid(kept["images"][-1], scale=2).transpose(1, 2, 0))
    assert np.array_equal(
        pixels(tmp_path, "real.png"), grid(in_colour().images[:5].numpy(), scale=2).transpose(1, 2, 0)
    )
    assert frames(tmp_path) == 3
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    (shown,) = [event for event in events.Images("samples/fixed latents") if event.step == 6]
    assert (shown.width, shown.height) == (2 * 22, 2 * 14)


def colours(picture: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}


def test_points_are_scattered_and_kept_raw(tmp_path: Path, train: Train) -> None:
    data = ImageData("ring", batch_size=4)
    game = train(data, SampleGrids(count=5, scale=1, points=50))
    kept = arrays(tmp_path)
    assert {name: (a.shape, a.dtype) for name, a in kept.items()} == {
        "images": ((3, 50, 2, 1, 1), np.dtype(np.float32)),
        "epochs": ((3,), np.dtype(np.int64)),
        "latents": ((50, 3), np.dtype(np.float32)),
    }
    with torch.no_grad():
        fake = game.generator.eval()(torch.from_numpy(kept["latents"]))
    assert np.array_equal(kept["images"][-1], (fake * 0.5 + 0.5).numpy())
    white = (255, 255, 255)
    assert colours(pixels(tmp_path, "epoch_0002.png")) == {white, FAKE_COLOUR, REAL_COLOUR}
    real = pixels(tmp_path, "real.png")
    assert real.shape == (160, 160, 3)
    assert colours(real) == {white, REAL_COLOUR}
    for x, y in TOY_DISTRIBUTIONS["ring"].centres:  # 50 points: several at each of the 8 modes
        around = real[round((1 - y) * 159) - 3 :, round(x * 159) - 3 :][:7, :7]
        assert REAL_COLOUR in colours(around)
    assert frames(tmp_path) == 3


def test_modes_are_classes_of_points(tmp_path: Path, train: Train) -> None:
    train(ImageData("grid", batch_size=4), SampleGrids(points=60), conditioning="concat", epochs=1)
    assert arrays(tmp_path)["labels"].tolist() == [number % 25 for number in range(60)]
