"""SampleGrids in a run that goes on from a checkpoint: no picture twice, none lost."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as L
import numpy as np
import pytest
from sampled_runs import Train, arrays, drawn, frames, images_of
from tiny_runs import few_images

from gan.training.callbacks.samples import SampleGrids
from gan.training.module import GAN

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
