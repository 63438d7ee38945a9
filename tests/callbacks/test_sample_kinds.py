"""SampleGrids beyond grey images of no class: classes in columns, points, colour; and going on from a checkpoint."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as L
import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import few_images

from gan.callbacks.samples import SampleGrids, class_columns
from gan.data.loaded import LoadedImages
from gan.data.module import ImageData
from gan.data.normalization import denormalize
from gan.data.registry import WORLDS
from gan.gradients import UpdateRule
from gan.latents import Prior
from gan.module import GAN
from gan.networks import build_discriminator, build_generator
from gan.pictures import FAKE_COLOUR, REAL_COLOUR, grid

# the loader here is not one that keeps its place
pytestmark = pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch ended")


class Saves(L.Callback):
    """Saves a checkpoint after so many minibatches of the run; ``at_end``: of the epoch that ends there."""

    def __init__(self, after: int, at_end: bool = False) -> None:
        self.after, self.at_end = after, at_end

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *arguments: Any) -> None:
        if not self.at_end:
            self._save(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.at_end:
            self._save(trainer, pl_module)

    def _save(self, trainer: L.Trainer, game: L.LightningModule) -> None:
        assert isinstance(game, GAN)
        if game.turns == self.after:
            trainer.save_checkpoint(Path(trainer.default_root_dir) / "saved.ckpt")


Train = Callable[..., GAN]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """``train(data, SampleGrids(…))``: a short run on these data, in ``tmp_path``; three minibatches an epoch."""

    def trained(
        data: ImageData,
        *callbacks: L.Callback,
        conditioning: str = "none",
        epochs: int = 2,
        resume: bool = False,
        loggers: Sequence[Any] = (),
    ) -> GAN:
        L.seed_everything(0, verbose=False)
        data.setup()
        about = {"image_shape": data.image_shape, "num_classes": data.num_classes}
        rule = UpdateRule(functools.partial(torch.optim.Adam, lr=0.01))
        game = GAN(
            build_generator("mlp", latent_dim=3, hidden=[8], conditioning=conditioning, **about),
            build_discriminator("mlp", hidden=[8], conditioning=conditioning, **about),
            prior=Prior("normal", 3),
            generator_rule=rule,
            discriminator_rule=rule,
            num_classes=data.num_classes,
        )
        trainer = L.Trainer(
            default_root_dir=str(tmp_path),
            accelerator="cpu",
            max_epochs=epochs,
            limit_train_batches=3,
            logger=list(loggers),
            callbacks=list(callbacks),
            **dict.fromkeys(("enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False),
            log_every_n_steps=1,
        )
        trainer.fit(game, datamodule=data, ckpt_path=tmp_path / "saved.ckpt" if resume else None)
        return game

    return trained


def images_of(monkeypatch: pytest.MonkeyPatch, loaded: LoadedImages) -> ImageData:
    monkeypatch.setattr("gan.data.module.load", lambda *arguments: loaded)
    return ImageData("mnist_sample", batch_size=4)


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "samples" / "fixed_latents.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def pixels(folder: Path, name: str) -> np.ndarray:
    with Image.open(folder / "samples" / name) as picture:
        return np.asarray(picture)


def frames(folder: Path) -> int:
    with Image.open(folder / "samples" / "progress.gif") as animation:
        return getattr(animation, "n_frames", 0)


def drawn(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "samples").glob("epoch_*.png"))


# classes


@pytest.mark.parametrize(
    ("count", "num_classes", "columns"),
    [
        (64, 10, 10),  # 7 rows, the last one short
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
    assert kept["labels"].tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert kept["labels"].dtype == np.int64
    with torch.no_grad():
        fake = game.generator.eval()(torch.from_numpy(kept["latents"]), torch.from_numpy(kept["labels"]))
    assert np.array_equal(kept["images"][-1], denormalize(fake, 0.5, 0.5).numpy())
    assert np.array_equal(pixels(tmp_path, "epoch_0002.png"), grid(kept["images"][-1], columns=2)[0])
    # real images of the same classes, in the order of the file
    loaded = few_images()
    even, odd = loaded.images[loaded.labels == 0], loaded.images[loaded.labels == 1]
    real = torch.stack([even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3]])
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
    for x, y in WORLDS["ring"].centres:  # 50 points: several at each of the 8 modes
        around = real[round((1 - y) * 159) - 3 :, round(x * 159) - 3 :][:7, :7]
        assert REAL_COLOUR in colours(around)
    assert frames(tmp_path) == 3


def test_modes_are_classes_of_points(tmp_path: Path, train: Train) -> None:
    train(ImageData("grid", batch_size=4), SampleGrids(points=60), conditioning="concat", epochs=1)
    assert arrays(tmp_path)["labels"].tolist() == [number % 25 for number in range(60)]


# going on


def test_in_the_middle_of_the_first_epoch_the_picture_from_before_training_stays(
    tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = images_of(monkeypatch, few_images())
    train(data, SampleGrids(count=5), Saves(after=2), epochs=1)
    before = arrays(tmp_path)
    train(data, SampleGrids(count=5), epochs=2, resume=True)
    kept = arrays(tmp_path)
    assert kept["epochs"].tolist() == [0, 1, 2]
    assert np.array_equal(kept["images"][0], before["images"][0])
    assert drawn(tmp_path) == ["epoch_0000.png", "epoch_0001.png", "epoch_0002.png"]
    assert frames(tmp_path) == 3


@pytest.mark.parametrize("saves", [Saves(after=4), Saves(after=3, at_end=True)], ids=["in an epoch", "after an epoch"])
def test_from_an_older_checkpoint_no_epoch_is_there_twice(
    tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch, saves: Saves
) -> None:
    data = images_of(monkeypatch, few_images())
    train(data, SampleGrids(count=5), saves, epochs=4)
    before = arrays(tmp_path)
    assert before["epochs"].tolist() == [0, 1, 2, 3, 4]
    train(data, SampleGrids(count=5), epochs=2, resume=True)  # from the second epoch
    kept = arrays(tmp_path)
    assert kept["epochs"].tolist() == [0, 1, 2]
    assert np.array_equal(kept["images"][:2], before["images"][:2])
    assert drawn(tmp_path) == ["epoch_0000.png", "epoch_0001.png", "epoch_0002.png"]
    assert frames(tmp_path) == 3


def test_with_another_count_it_begins_anew(tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    data = images_of(monkeypatch, few_images())
    train(data, SampleGrids(count=5), Saves(after=4), epochs=2)
    train(data, SampleGrids(count=6), epochs=3, resume=True)
    kept = arrays(tmp_path)
    assert kept["epochs"].tolist() == [2, 3]
    assert kept["images"].shape[1] == 6


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more", b"\x93NUMPY"])
def test_without_readable_pictures_it_begins_anew(
    tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    data = images_of(monkeypatch, few_images())
    train(data, SampleGrids(count=5), Saves(after=4), epochs=2)
    kept = tmp_path / "samples" / "fixed_latents.npz"
    kept.unlink()
    if content is not None:
        kept.write_bytes(content)
    train(data, SampleGrids(count=5), epochs=2, resume=True)
    assert arrays(tmp_path)["epochs"].tolist() == [2]


def test_a_run_that_drew_nothing_ends_without_an_animation(tmp_path: Path) -> None:
    trainer: Any = SimpleNamespace(is_global_zero=True, default_root_dir=str(tmp_path))
    module: Any = None
    SampleGrids().on_train_end(trainer, module)
    assert not list(tmp_path.iterdir())


def test_a_second_run_does_not_keep_the_first_ones_pictures(
    tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, grids = images_of(monkeypatch, few_images()), SampleGrids(count=5)
    train(data, grids, epochs=2)
    train(data, grids, epochs=1)
    assert arrays(tmp_path)["epochs"].tolist() == [0, 1]
