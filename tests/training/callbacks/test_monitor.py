"""GameMonitor: what is logged, at which step, and that the numbers are those of the game."""

from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, IMAGES, Play

from gan.training.callbacks import GameMonitor

ROW = {
    "epoch",
    "images_seen",
    "d_updates",
    "g_updates",
    "train/d_loss",
    "train/g_loss",
    "train/d_accuracy_real",
    "train/d_accuracy_fake",
    "train/d_real",
    "train/d_fake",
    "train/value",
    "train/d_gradient_norm",
    "train/g_gradient_norm",
    "train/images_per_second",
    "train/d_lr",
    "train/g_lr",
}
EPOCH_ROW = {"epoch", "epoch/d_loss", "epoch/g_loss", "epoch/d_loss_last", "epoch/g_loss_last"}


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def of_epoch(losses: list[tuple[int, float]], epoch: int) -> list[float]:
    return [loss for at, loss in losses if at == epoch]


def test_a_row_every_so_many_minibatches_and_one_for_each_epoch(play: Play) -> None:
    run = play("trainer.log_every_n_steps=2", callbacks=[GameMonitor()])
    rows = [(step, set(values)) for step, values in run.logged.rows]
    assert rows == [(2, ROW), (4, ROW), (6, ROW), (6, EPOCH_ROW), (8, ROW), (10, ROW), (12, ROW), (12, EPOCH_ROW)]


def test_what_is_left_at_the_end_of_an_epoch_gets_its_row_too(play: Play) -> None:
    run = play("trainer.log_every_n_steps=4", callbacks=[GameMonitor()])
    assert [step for step, _ in run.logged.having("train/d_loss")] == [4, 6, 8, 12]


def test_counts_are_those_of_the_game(play: Play) -> None:
    run = play("trainer.log_every_n_steps=3", callbacks=[GameMonitor()])
    counts = ("epoch", "images_seen", "d_updates", "g_updates")
    rows = [tuple(values[name] for name in counts) for _, values in run.logged.rows if "train/d_loss" in values]
    assert rows == [(0, 12, 3, 3), (0, IMAGES, 6, 6), (1, IMAGES + 12, 9, 9), (1, 2 * IMAGES, 12, 12)]


def test_a_row_has_the_means_of_the_updates_since_the_last(play: Play) -> None:
    run = play("trainer.log_every_n_steps=4", callbacks=[GameMonitor()])
    for name, losses in {"train/d_loss": run.losses.d, "train/g_loss": run.losses.g}.items():
        every = [loss for _, loss in losses]
        expected = [mean(every[:4]), mean(every[4:6]), mean(every[6:8]), mean(every[8:12])]
        assert [value for _, value in run.logged.having(name)] == pytest.approx(expected, abs=1e-6)
        assert len(set(every)) == 2 * BATCHES  # they differ, or the means would say nothing


# Lightning says that nothing will be logged, where the epoch is shorter than the interval; something is
@pytest.mark.filterwarnings("ignore:The number of training batches .* is smaller than the logging interval")
@pytest.mark.parametrize("every", [1, 2, 4, 5, 100])
def test_epoch_means_and_last_values_are_those_of_the_single_steps(play: Play, every: int) -> None:
    run = play(f"trainer.log_every_n_steps={every}", callbacks=[GameMonitor()])
    for player, losses in {"d": run.losses.d, "g": run.losses.g}.items():
        epochs = [of_epoch(losses, epoch) for epoch in range(2)]
        assert [len(single) for single in epochs] == [BATCHES, BATCHES]
        means = run.logged.having(f"epoch/{player}_loss")
        assert [step for step, _ in means] == [BATCHES, 2 * BATCHES]
        assert [value for _, value in means] == pytest.approx([mean(single) for single in epochs], abs=1e-6)
        lasts = [value for _, value in run.logged.having(f"epoch/{player}_loss_last")]
        assert lasts == pytest.approx([single[-1] for single in epochs], abs=1e-6)


def test_the_step_is_the_count_of_generator_updates_with_several_of_the_discriminator(play: Play) -> None:
    run = play("schedule.n_critic=3", "trainer.log_every_n_steps=3", callbacks=[GameMonitor()])
    rows = [(step, v["d_updates"], v["g_updates"]) for step, v in run.logged.rows if "train/d_loss" in v]
    assert rows == [(1, 3, 1), (2, 6, 2), (3, 9, 3), (4, 12, 4)]
    assert run.trainer.global_step == 4
    assert (len(run.losses.d), len(run.losses.g)) == (12, 4)
    for player, losses in {"d": run.losses.d, "g": run.losses.g}.items():
        means = [value for _, value in run.logged.having(f"epoch/{player}_loss")]
        assert means == pytest.approx([mean(of_epoch(losses, epoch)) for epoch in range(2)], abs=1e-6)


def test_an_interval_without_an_update_of_the_generator_has_no_value_for_it(play: Play) -> None:
    run = play("schedule.n_critic=3", "trainer.log_every_n_steps=1", callbacks=[GameMonitor()])
    assert len(run.logged.having("train/d_loss")) == 2 * BATCHES
    assert [step for step, _ in run.logged.having("train/g_loss")] == [1, 2, 3, 4]
    assert len(run.logged.having("train/g_gradient_norm")) == 4


@pytest.mark.parametrize("every", [1, 2, 4])
def test_an_epoch_may_end_in_the_middle_of_a_round(play: Play, every: int) -> None:
    # six minibatches, of which the fourth is the last that updates the generator
    run = play("schedule.n_critic=4", f"trainer.log_every_n_steps={every}", callbacks=[GameMonitor()])
    for player, losses in {"d": run.losses.d, "g": run.losses.g}.items():
        lasts = [value for _, value in run.logged.having(f"epoch/{player}_loss_last")]
        assert lasts == pytest.approx([of_epoch(losses, epoch)[-1] for epoch in range(2)], abs=1e-6)


def test_alternating_epochs_have_the_values_of_the_network_that_was_updated(play: Play) -> None:
    run = play("schedule=alternating_epochs", callbacks=[GameMonitor()])
    d_rows, g_rows = run.logged.having("train/d_loss"), run.logged.having("train/g_loss")
    assert [step for step, _ in d_rows] == [0, 0, 0]
    assert [step for step, _ in g_rows] == [2, 4, 6]
    epochs = [set(values) for _, values in run.logged.rows if any(name.startswith("epoch/") for name in values)]
    assert epochs == [{"epoch", "epoch/d_loss", "epoch/d_loss_last"}, {"epoch", "epoch/g_loss", "epoch/g_loss_last"}]


def test_gradient_norms_are_those_of_the_first_update_of_the_interval(play: Play) -> None:
    norms: dict[str, list[float]] = {"discriminator": [], "generator": []}

    class Norms(L.Callback):
        def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: Any, optimizer: Any) -> None:
            name = "discriminator" if optimizer is trainer.optimizers[0] else "generator"
            network = getattr(pl_module, name)
            squares = sum(float(p.grad.double().pow(2).sum()) for p in network.parameters())
            norms[name].append(squares**0.5)

    run = play("trainer.log_every_n_steps=4", callbacks=[GameMonitor(), Norms()])
    for name, key in {"discriminator": "d", "generator": "g"}.items():
        logged = [value for _, value in run.logged.having(f"train/{key}_gradient_norm")]
        assert logged == pytest.approx([norms[name][i] for i in (0, 4, 6, 8)], rel=1e-5)


def test_learning_rates_of_both_networks(play: Play) -> None:
    run = play("optimizer.lr=0.001", "optimizer.discriminator.lr=0.004", callbacks=[GameMonitor()])
    assert {value for _, value in run.logged.having("train/g_lr")} == {0.001}
    assert {value for _, value in run.logged.having("train/d_lr")} == {0.004}


def test_images_per_second_are_images_by_time(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1_000, 2))  # two seconds from one look to the next
    monkeypatch.setattr("gan.training.callbacks.monitor.time.perf_counter", lambda: float(next(clock)))
    run = play("trainer.log_every_n_steps=4", callbacks=[GameMonitor()])
    assert [value for _, value in run.logged.having("train/images_per_second")] == [16 / 2, 6 / 2, 8 / 2, 14 / 2]


def test_latest_has_the_values_of_the_last_row(play: Play) -> None:
    monitor = GameMonitor()
    run = play(callbacks=[monitor])
    assert monitor.latest["d_loss"] == run.logged.having("train/d_loss")[-1][1]
    assert monitor.latest["g_loss"] == run.logged.having("train/g_loss")[-1][1]


@pytest.mark.parametrize("every", [1, 3])
def test_watching_changes_no_bit_of_the_game(play: Play, every: int) -> None:
    dropout = ["model.discriminator.dropout=0.3", "model.generator.dropout=0.3"]
    alone = play(*dropout)
    watched = play(*dropout, f"trainer.log_every_n_steps={every}", callbacks=[GameMonitor()])
    assert watched.losses == alone.losses
    assert len(alone.losses.d) == 2 * BATCHES
    for ours, theirs in zip(watched.game.parameters(), alone.game.parameters(), strict=True):
        assert torch.equal(ours, theirs)
