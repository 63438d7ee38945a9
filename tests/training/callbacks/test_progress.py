"""GameProgress: one bar for the whole run."""

import re
from typing import Any

import lightning.pytorch as L
import pytest
from tiny_runs import BATCHES, Play

from gan.training.callbacks import GameMonitor, GameProgress
from gan.training.callbacks.progress import bar_text


class Watched(GameProgress):
    """Keeps where the bar stood at the end of each epoch, and its length."""

    def __init__(self, refresh_every: int = 20) -> None:
        super().__init__(refresh_every)
        self.positions: list[int] = []
        self.seen_in_epoch: set[int] = set()
        self.total: int | None = -1

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        self.seen_in_epoch.add(self._bar.n)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        self.positions.append(self._bar.n)
        self.total = self._bar.total


def test_the_bar_counts_minibatches_over_the_whole_run(play: Play) -> None:
    bar = Watched(refresh_every=2)
    play("trainer.max_epochs=3", callbacks=[bar])
    assert bar.positions == [BATCHES, 2 * BATCHES, 3 * BATCHES]
    assert bar.total == 3 * BATCHES
    assert bar.seen_in_epoch == set(range(0, 3 * BATCHES + 1, 2))


def test_it_looks_at_the_clock_now_and_then_only(play: Play) -> None:
    bar = Watched(refresh_every=4)
    play("trainer.max_epochs=1", callbacks=[bar])
    assert bar.seen_in_epoch == {0, 4}
    assert bar.positions == [BATCHES]


@pytest.mark.parametrize(
    ("overrides", "total"),
    [
        (["trainer.max_epochs=2"], 2 * BATCHES),
        (["trainer.max_epochs=2", "trainer.max_steps=3"], 3),
        (["trainer.max_epochs=-1", "trainer.max_steps=7"], 7),
        (["trainer.max_epochs=-1", "trainer.max_steps=3", "schedule.n_critic=3"], 9),
        (["trainer.max_epochs=-1", "trainer.max_steps=8", "schedule=alternating_epochs"], BATCHES + 6 + BATCHES + 2),
        (["trainer.max_epochs=2", "trainer.limit_train_batches=4"], 8),
    ],
)
def test_the_bar_is_as_long_as_the_run(play: Play, overrides: list[str], total: int) -> None:
    bar = Watched()
    run = play(*overrides, callbacks=[bar])
    assert bar.total == total
    assert run.game.turns == total
    assert bar.positions[-1] == total


def test_what_the_bar_shows(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    play("trainer.max_epochs=2", callbacks=[GameMonitor(), GameProgress(refresh_every=1)])
    shown = capsys.readouterr().err
    last = shown.replace("\r", "\n").strip().splitlines()[-1]
    number = r"-?\d+\.\d{3}"
    assert re.fullmatch(
        rf"epoch 2/2 100% \|█+\| \d\d:\d\d < 00:00  D {number}  G {number}  "
        r"D right: real \d+%, fake \d+%  [\d,]+ images/s",
        last.strip(),
    ), last


def test_without_a_monitor_it_shows_where_the_run_is(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    play("trainer.max_epochs=2", callbacks=[GameProgress(refresh_every=1)])
    last = capsys.readouterr().err.replace("\r", "\n").strip().splitlines()[-1]
    assert re.match(r"epoch 2/2 100% \|█+\|", last), last


def test_a_disabled_bar_shows_nothing(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    bar = GameProgress(refresh_every=1)
    bar.disable()
    play(callbacks=[GameMonitor(), bar])
    assert capsys.readouterr().err == ""


def test_the_bar_is_closed_when_a_run_fails(play: Play) -> None:
    class Fails(L.Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            raise RuntimeError("on purpose")

    bar = GameProgress()
    with pytest.raises(RuntimeError, match="on purpose"):
        play(callbacks=[bar, Fails()])
    assert bar._bar.disable  # tqdm's mark of a closed bar


def test_the_standing_of_the_game_in_words() -> None:
    latest = {
        "train/d_loss": 1.23456,
        "train/g_loss": 0.7,
        "train/d_loss_last": 5.0,
        "train/d_accuracy_real": 0.815,
        "train/d_accuracy_fake": 1.0,
        "train/images_per_second": 12_345.6,
    }
    assert bar_text(latest) == "D 1.235  G 0.700  D right: real 82%, fake 100%  12,346 images/s"
    only_g = {"train/g_loss": 0.7, "train/images_per_second": 1.0}
    assert bar_text(only_g) == "G 0.700  1 images/s"
    pairs = {"train/d_accuracy_pairs": 0.5, "quality/fcd": 12.345, "train/images_per_second": 1.0}
    assert bar_text(pairs) == "D right: 50% of pairs  FCD 12.3  1 images/s"
