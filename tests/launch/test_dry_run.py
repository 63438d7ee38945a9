"""`python train.py dry_run=true`: what it says is what the run would be; it leaves nothing and changes nothing."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from train_command import run_train, train_in

from gan.game.schedules import AlternatingEpochs, StepPlan, Steps
from gan.launch import dry_run
from gan.launch.costs import Stopwatch, count_steps, real_images, timed
from gan.launch.dry_run import find_data, given_paths, show, tree
from gan.system.errors import DataError
from gan.training.build import build_data, build_game, build_trainer

TINY = (
    "data=mnist_sample",
    "data.batch_size=8",
    "model=mlp",
    "model.latent_dim=3",
    "model.generator.hidden=[8]",
    "model.discriminator.hidden=[8]",
    "accelerator=cpu",
    "trainer.max_epochs=2",
    "trainer.limit_train_batches=6",
)
D, G, BOTH = StepPlan(True, False), StepPlan(False, True), StepPlan(True, True)
Compose = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps are enough for a test."""
    monkeypatch.setattr(Stopwatch, "ENOUGH", 2)
    monkeypatch.setattr(Stopwatch, "SECONDS", 0.0)


# The settings


def test_the_tree_is_yaml_and_marks_what_was_given() -> None:
    settings = {
        "seed": 0,
        "model": {"name": "mlp", "sizes": {"hidden": [8, 9], "dropout": 0.0}},
        "logger": {},
        "x": None,
    }
    lines = list(tree(settings, {"model", "model.sizes.hidden"}))
    assert lines == [
        "seed: 0",
        "model:  <- given",
        "  name: mlp",
        "  sizes:",
        "    hidden: [8, 9]  <- given",
        "    dropout: 0.0",
        "logger: {}",
        "x: null",
    ]
    assert yaml.safe_load("\n".join(lines).replace(dry_run.GIVEN, "")) == settings


def test_a_real_configuration_reads_back_from_its_tree(compose_settings: Compose) -> None:
    settings = compose_settings(*TINY)
    read = yaml.safe_load("\n".join(tree(settings, set())))
    assert read["model"] == settings["model"]
    assert read["trainer"]["max_epochs"] == 2
    assert read["callbacks"]["samples"] == settings["callbacks"]["samples"]


def test_words_of_a_command_line_become_paths() -> None:
    words = ["model=dcgan", "+optimizer.eps=1e-7", "'x=y'", "--config-name=other", "-m", "data.root=a=b"]
    assert given_paths(words) >= {"model", "optimizer.eps", "data.root"}
    assert "--config-name" not in given_paths(words)


# The costs


@pytest.mark.parametrize(
    ("schedule", "epochs", "batches", "max_steps", "expected"),
    [
        (Steps(), 2, 5, -1, {BOTH: 10}),
        (Steps(n_critic=3), 2, 5, -1, {D: 7, BOTH: 3}),
        (Steps(n_critic=3), -1, 5, 4, {D: 8, BOTH: 4}),
        (Steps(), 100, 5, 7, {BOTH: 7}),
        (AlternatingEpochs(2, 1), 4, 5, -1, {D: 15, G: 5}),
        (AlternatingEpochs(1, 1), -1, 5, 7, {D: 10, G: 7}),
        (Steps(), 10**18, 5, -1, {BOTH: 5 * 10**18}),
        (AlternatingEpochs(2, 1), 3 * 10**18, 5, -1, {D: 10**19, G: 5 * 10**18}),
    ],
)
def test_turns_are_counted_as_the_schedule_gives_them(
    schedule: Steps | AlternatingEpochs, epochs: int, batches: int, max_steps: int, expected: dict[StepPlan, int]
) -> None:
    turns = count_steps(schedule, epochs, batches, max_steps)
    assert turns == expected
    g_updates = sum(count for turn, count in turns.items() if turn.generator)
    if max_steps > 0:
        assert (g_updates, turns.total()) == (max_steps, schedule.minibatches(max_steps, batches))
    else:
        assert (g_updates, turns.total()) == (schedule.generator_updates(epochs, batches), epochs * batches)


def test_real_images_count_the_short_minibatch_at_the_end_of_an_epoch() -> None:
    assert real_images(minibatches=6, batches=3, batch_size=4, images=10) == 20
    assert real_images(minibatches=5, batches=3, batch_size=4, images=10) == 18
    assert real_images(minibatches=4, batches=2, batch_size=4, images=10) == 16  # limit_train_batches, or drop_last


def test_every_kind_of_turn_is_timed_and_nothing_of_the_run_is_changed(compose_settings: Compose) -> None:
    settings = compose_settings(*TINY, "schedule.n_critic=2", "lr_schedule=cosine")
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)
    before = copy.deepcopy(game.state_dict())

    trial = timed(settings, data, game, [D, BOTH])

    assert set(trial.seconds) == {D, BOTH}
    assert all(0 < seconds < 5 for seconds in trial.seconds.values())
    assert trial.timed == 4
    assert trial.run_seconds(count_steps(game.schedule, 2, 6, -1)) == pytest.approx(
        6 * trial.seconds[D] + 6 * trial.seconds[BOTH]
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in game.state_dict().items())
    assert (game.turns, game.d_updates, game.g_updates) == (0, 0, 0)
    assert game.schedule == Steps(n_critic=2)
    assert (data.batch_size, data.trainer) == (8, None)
    assert not Path(settings["run_dir"]).exists()


def test_the_size_of_a_checkpoint_is_that_of_weights_and_adams_two_moments(compose_settings: Compose) -> None:
    settings = compose_settings(*TINY)
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)
    trial = timed(settings, data, game, [BOTH])
    weights = sum(parameter.numel() for parameter in game.parameters())
    tensors = len(list(game.parameters()))
    assert trial.checkpoint_bytes == 3 * 4 * weights + 4 * tensors  # and Adam's count of steps, of each tensor
    assert trial.bundle_bytes == 4 * sum(parameter.numel() for parameter in game.generator.parameters())


def test_a_limit_of_the_time_does_not_end_the_measurement(compose_settings: Compose) -> None:
    settings = compose_settings(*TINY, "trainer.max_time={seconds: 0.001}")
    data = build_data(settings)
    data.setup()
    assert set(timed(settings, data, build_game(settings, data), [D, BOTH]).seconds) == {D, BOTH}


def test_a_minibatch_is_timed_at_a_processs_share(compose_settings: Compose) -> None:
    settings = compose_settings(*TINY, "trainer.devices=2")
    data = build_data(settings)
    data.setup()
    trial = timed(settings, data, build_game(settings, data), [BOTH], processes=2)
    assert trial.batch_size == 4
    page = show(settings)
    assert "each with the 4 images of one process; without callbacks and the exchange between processes" in page


# The images


def test_images_that_a_run_would_download_are_counted_and_not_fetched(
    compose_settings: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan.data.sources.fetch", lambda *arguments: pytest.fail("a dry run downloads nothing"))
    root = tmp_path / "nowhere"
    for name, shape, classes in (("mnist", (1, 28, 28), 10), ("kmnist", (1, 28, 28), 10)):
        data = find_data(compose_settings(f"data={name}", f"data.root='{root}'"))
        assert (data.train_images, data.image_shape, data.num_classes) == (60_000, shape, classes)
        assert f"is not under {root}: the run would download it first" in data.origin
        assert data.loaded.images.untyped_storage().nbytes() == 28 * 28
    page = show(compose_settings(*TINY, "data=mnist", f"data.root='{root}'", "trainer.limit_train_batches=1.0"))
    assert "real images  120,000, in 15,000 minibatches" in page
    assert not root.exists()


def test_without_download_a_dry_run_finds_what_the_run_would_find(compose_settings: Compose, tmp_path: Path) -> None:
    nowhere = (f"data.root='{tmp_path}'", "data.download=false")
    assert find_data(compose_settings("data=mnist", *nowhere)).substitute_for == "mnist"
    with pytest.raises(DataError, match="KMNIST is not available"):
        find_data(compose_settings("data=kmnist", *nowhere))


# The page


def test_the_page_says_what_the_run_is_and_costs(compose_settings: Compose) -> None:
    settings = compose_settings(*TINY, "ema=standard", "trainer.max_epochs=3")
    page = show(settings, ["trainer.max_epochs=3", "ema=standard"])
    assert "    max_epochs: 3  <- given\n" in page
    assert "  ema:  <- given\n" in page
    assert "the bundled sample of MNIST: 9,000 images" in page
    generator, discriminator = 3 * 8 + 8 + 8 * 784 + 784, 784 * 8 + 8 + 8 + 1
    assert f"generator {generator:,}, discriminator {discriminator:,}, the generator's average {generator:,}" in page
    assert "updates  18 of D, 18 of G" in page
    assert "real images  144, in 18 minibatches" in page
    assert "a checkpoint, about " in page
    assert "images/s: an estimate" in page
    assert page.endswith("This was a dry run: nothing was trained, downloaded or written.")
    assert not Path(settings["run_dir"]).exists()


def test_without_callbacks_no_checkpoint_is_announced(compose_settings: Compose) -> None:
    settings = compose_settings(*TINY, "callbacks=none")
    data = build_data(settings)
    data.setup()
    page = dry_run.report(settings, data, build_game(settings, data), build_trainer(settings))
    assert "checkpoint" not in page.partition("Cost:")[2]


@pytest.mark.parametrize(("count", "words"), [(999, "999 bytes"), (1500, "1.5 kB"), (2.5e6, "2.5 MB"), (3e9, "3.0 GB")])
def test_sizes_are_said_in_words(count: float, words: str) -> None:
    assert dry_run._size(count) == words


# The command


@pytest.mark.parametrize("words", [(), ("trainer.devices=2",), ("hydra.run.dir=mine", "schedule=alternating_epochs")])
def test_the_command_prints_the_page_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    here = train_in(tmp_path, monkeypatch, capfd)
    # once as from a shell: nothing that is imported has anything to say either
    done = here("dry_run=true", *TINY, *words) if words else run_train(tmp_path, "dry_run=true", *TINY)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  trainer:\n" in done.stdout
    assert "    limit_train_batches: 6  <- given\n" in done.stdout
    assert "  device  " in done.stdout
    assert done.stdout.endswith("This was a dry run: nothing was trained, downloaded or written.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_is_answered_before_anything_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    done = train_in(tmp_path, monkeypatch, capfd)("dry_run=true", *TINY, "optimizer.lr=-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("optimizer.lr: -1 given")
    assert list(tmp_path.iterdir()) == []
