"""SampleGrids: the pictures of a run, and that drawing them disturbs nothing."""

from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import BATCHES, IMAGES, Play, few_images

from gan.data.normalization import denormalize
from gan.game.latents import Prior
from gan.generators.pictures import grid
from gan.training.callbacks import GameMonitor, SampleGrids

DROPOUT = ("model.generator.dropout=0.5", "model.discriminator.dropout=0.3")


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "samples" / "fixed_latents.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def test_files_of_a_run(play: Play) -> None:
    run = play(callbacks=[SampleGrids(count=5)])
    assert sorted(path.name for path in (run.folder / "samples").iterdir()) == [
        "epoch_0000.png",
        "epoch_0001.png",
        "epoch_0002.png",
        "fixed_latents.npz",
        "progress.gif",
        "real.png",
    ]


def test_images_of_the_fixed_latents_are_kept_as_plain_arrays(play: Play) -> None:
    run = play(callbacks=[SampleGrids(count=5)])
    kept = arrays(run.folder)
    assert {name: (a.shape, a.dtype) for name, a in kept.items()} == {
        "images": ((3, 5, 1, 6, 6), np.dtype(np.uint8)),
        "epochs": ((3,), np.dtype(np.int64)),
        "latents": ((5, 3), np.dtype(np.float32)),
    }
    assert kept["epochs"].tolist() == [0, 1, 2]
    expected = Prior("normal", 3).fixed(5, seed=0, purpose="fixed samples")
    assert np.array_equal(kept["latents"], expected.numpy())


def test_of_many_epochs_every_kth_is_kept(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 5 * 6 * 6  # the images of an epoch, in bytes
    monkeypatch.setattr("gan.training.callbacks.samples.MOST_BYTES", 4 * size)
    run = play("trainer.max_epochs=9", callbacks=[SampleGrids(count=5)])
    assert arrays(run.folder)["epochs"].tolist() == [0, 4, 8, 9]
    assert arrays(run.folder)["images"].nbytes == 4 * size
    assert len(list((run.folder / "samples").glob("epoch_*.png"))) == 10


@pytest.mark.parametrize("pixel_range", [(), ("data.mean=0", "data.std=1")])
def test_the_last_images_are_those_of_the_trained_generator_in_eval_mode(
    play: Play, pixel_range: tuple[str, ...]
) -> None:
    run = play(*DROPOUT, *pixel_range, callbacks=[SampleGrids(count=5)])
    kept = arrays(run.folder)
    with torch.no_grad():
        fake = run.game.generator.eval()(torch.from_numpy(kept["latents"]))
    assert np.array_equal(kept["images"][-1], denormalize(fake, run.data.mean, run.data.std).numpy())


def test_the_first_images_are_those_of_the_untrained_generator(play: Play) -> None:
    untrained = play("trainer.limit_train_batches=0.0", callbacks=[]).game.generator.eval()
    kept = arrays(play(callbacks=[SampleGrids(count=5)]).folder)
    with torch.no_grad():
        fake = untrained(torch.from_numpy(kept["latents"]))
    assert np.array_equal(kept["images"][0], denormalize(fake, 0.5, 0.5).numpy())
    assert not np.array_equal(kept["images"][0], kept["images"][1])


def test_pngs_show_the_kept_images(play: Play) -> None:
    run = play(callbacks=[SampleGrids(count=5, scale=3)])
    kept = arrays(run.folder)
    for epoch in range(3):
        shown = pixels(run.folder / "samples" / f"epoch_{epoch:04d}.png")
        assert np.array_equal(shown, grid(kept["images"][epoch], scale=3)[0])
    with Image.open(run.folder / "samples" / "progress.gif") as animation:
        assert animation.n_frames == 3  # type: ignore[attr-defined]
        animation.seek(2)
        assert np.array_equal(np.asarray(animation.convert("L")), shown)


def test_real_images_are_the_first_of_the_set_as_they_lie_in_the_file(play: Play) -> None:
    for count in (5, IMAGES + 100):
        run = play("data.mean=0.1", "data.std=0.3", callbacks=[SampleGrids(count=count, scale=1)])
        shown = pixels(run.folder / "samples" / "real.png")
        assert np.array_equal(shown, grid(few_images().images[:count].numpy())[0])


def test_prior_and_seed_are_the_runs(play: Play) -> None:
    run = play("model.prior=uniform", "seed=3", callbacks=[SampleGrids(count=5)])
    expected = Prior("uniform", 3).fixed(5, seed=3, purpose="fixed samples")
    assert np.array_equal(arrays(run.folder)["latents"], expected.numpy())


def test_drawing_changes_no_bit_of_the_game(play: Play) -> None:
    alone = play(*DROPOUT)
    drawn = play(*DROPOUT, callbacks=[SampleGrids(count=5), GameMonitor()])
    assert drawn.losses == alone.losses
    assert len(alone.losses.d) == 2 * BATCHES
    for ours, theirs in zip(drawn.game.parameters(), alone.game.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_random_numbers_are_left_alone(play: Play) -> None:
    class Around(SampleGrids):
        def _draw(self, trainer: L.Trainer, game: L.LightningModule, epoch: int) -> None:
            before = torch.get_rng_state()
            super()._draw(trainer, game, epoch)
            unchanged.append(torch.equal(torch.get_rng_state(), before))

    unchanged: list[bool] = []
    play(*DROPOUT, callbacks=[Around(count=5)])
    assert unchanged == [True] * 3


def test_networks_go_on_in_the_mode_that_they_were_in(play: Play) -> None:
    class Modes(L.Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, *arguments: Any) -> None:
            training.add(all(module.training for module in pl_module.modules()))

    training: set[bool] = set()
    play(*DROPOUT, callbacks=[SampleGrids(count=5), Modes()])
    assert training == {True}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_gets_the_real_images_once_and_the_grids_at_their_generator_updates(play: Play) -> None:
    run = play("logger=tensorboard", "schedule.n_critic=3", callbacks=[SampleGrids(count=5)])
    events = EventAccumulator(str(run.folder / "tensorboard"))
    events.Reload()
    assert sorted(events.Tags()["images"]) == ["samples/fixed latents", "samples/real"]
    assert [event.step for event in events.Images("samples/real")] == [0]
    assert [event.step for event in events.Images("samples/fixed latents")] == [0, 2, 4]


def test_a_resumed_run_goes_on_with_the_pictures_that_are_there(play: Play) -> None:
    first = play("trainer.max_epochs=1", callbacks=[SampleGrids(count=5)])
    checkpoint = first.folder / "checkpoint.ckpt"
    first.trainer.save_checkpoint(checkpoint)
    first.trainer.strategy.teardown()  # the file is written
    before = arrays(first.folder)
    resumed = play("trainer.max_epochs=3", callbacks=[SampleGrids(count=5)], ckpt_path=checkpoint)
    kept = arrays(resumed.folder)
    assert kept["epochs"].tolist() == [0, 1, 2, 3]
    assert np.array_equal(kept["images"][:2], before["images"])
    with Image.open(resumed.folder / "samples" / "progress.gif") as animation:
        assert animation.n_frames == 4  # type: ignore[attr-defined]
