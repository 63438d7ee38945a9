"""A run that was cut short and goes on ends with the very numbers of one that was not."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
from tiny_runs import BATCHES, Play, Run

from gan.runs import run_folder
from gan.runs.checkpoint_io import load
from gan.runs.comparison import differing, rows
from gan.runs.resume import ResumeState
from gan.system import signals
from gan.system.errors import ConfigError
from gan.training.callbacks import Alarms, GameMonitor, LastCheckpoint, LossCurves, SampleGrids

GAMES = {
    "plain": [],
    "dropout, n_critic 2": ["model.discriminator.dropout=0.5", "schedule.n_critic=2"],
    "alternating epochs": ["schedule=alternating_epochs"],
    "batch statistics": ["model.generator.normalization=batch", "model.discriminator.normalization=batch"],
    "average, lazy R1, accumulation": ["ema=standard", "penalty=r1", "penalty.every=3", "optimizer.accumulate=2"],
    "adaptive augmentation, noise": ["augmentation=adaptive", "augmentation.every=5", "game.instance_noise.std=0.1"],
    "cosine, clipped, bf16": ["lr_schedule=cosine", "optimizer.clip_norm=0.5", "trainer.precision=bf16-mixed"],
    "codes, momentum": ["model.codes.categorical=[3]", "model.codes.continuous=1", "optimizer=sgd"],
}


class Kill(BaseException):
    """Nobody on the way takes it for anything."""


class KillAfter(L.callbacks.Checkpoint):
    """Ends a run without a word after so many minibatches, as ``kill -9`` does."""

    def __init__(self, turns: int) -> None:
        self.turns = turns

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
        if pl_module.turns == self.turns:
            raise Kill


def callbacks(**arguments: int) -> list[L.Callback]:
    return [GameMonitor(), Alarms(count=4, sustained=4), SampleGrids(count=4), LastCheckpoint(**arguments)]


def played(play: Play, *game: str, **arguments: Any) -> Run:
    return play("logger=csv", "trainer.max_epochs=3", "trainer.log_every_n_steps=4", *game, **arguments)


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_killed_and_gone_on_with_it_ends_with_the_same_numbers(play: Play, game: list[str]) -> None:
    whole = played(play, *game, callbacks=callbacks(every=2))
    expected, logged = load(whole.folder / "checkpoints" / "last.ckpt"), rows(whole.folder)
    pictures = {path.name: path.read_bytes() for path in (whole.folder / "samples").iterdir()}
    for turns in (BATCHES + 1, BATCHES + 5, 2 * BATCHES):
        shutil.rmtree(whole.folder)
        with pytest.raises(Kill):
            played(play, *game, callbacks=[*callbacks(every=2), KillAfter(turns)])
        last = whole.folder / "checkpoints" / "last.ckpt"
        resumed = played(play, *game, callbacks=callbacks(every=2), ckpt_path=last)
        assert differing(load(last), expected) == []
        assert rows(resumed.folder) == logged
        assert {path.name: path.read_bytes() for path in (resumed.folder / "samples").iterdir()} == pictures


class KillAtTheEnd(L.Callback):
    def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        raise Kill


@pytest.mark.parametrize("length", ["trainer.max_epochs=2", f"trainer.max_steps={BATCHES + 2}"])
def test_killed_after_its_last_checkpoint_it_is_only_ended(play: Play, length: str) -> None:
    around = [*callbacks(), LossCurves()]
    whole = played(play, length, callbacks=around)
    expected, logged = load(whole.folder / "checkpoints" / "last.ckpt"), rows(whole.folder)
    pictures = {path.name: path.read_bytes() for path in (whole.folder / "samples").iterdir()}
    shutil.rmtree(whole.folder)

    with pytest.raises(Kill):
        played(play, length, callbacks=[KillAtTheEnd(), *callbacks(), LossCurves()])
    last = whole.folder / "checkpoints" / "last.ckpt"
    assert not (whole.folder / "losses.png").exists()
    ended = played(
        play, length, callbacks=[*callbacks(), LossCurves()], ckpt_path=last, past=ResumeState(last, is_all=True)
    )
    assert ended.losses.d == []
    assert (ended.game.g_updates, ended.trainer.current_epoch) == (whole.game.g_updates, whole.trainer.current_epoch)
    assert differing(load(last), expected) == []
    assert rows(ended.folder) == logged
    assert {path.name: path.read_bytes() for path in (ended.folder / "samples").iterdir()} == pictures
    assert (ended.folder / "losses.png").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_update_be_finished_and_saved(play: Play, number: int) -> None:
    class Ask(L.Callback):
        def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: Any, optimizer: Any) -> None:
            if pl_module.turns == BATCHES + 2:
                signal.raise_signal(number)
                self.on_before_optimizer_step = lambda *arguments: None  # type: ignore[method-assign]

    with signals.listening(), pytest.raises(signals.Stopped) as stopped:
        played(play, callbacks=[Ask(), *callbacks()])
    assert stopped.value.exit_code == 128 + number


def test_a_second_signal_ends_at_once() -> None:
    with signals.listening():
        signals.finish_update_first(True)
        try:
            signal.raise_signal(signal.SIGINT)
            assert signals.pending() is not None
            with pytest.raises(signals.Stopped):
                signal.raise_signal(signal.SIGINT)
        finally:
            signals.finish_update_first(False)


def test_a_changed_learning_rate_is_that_of_the_rest(play: Play) -> None:
    first = played(play, "trainer.max_epochs=1", callbacks=callbacks())
    last = first.folder / "checkpoints" / "last.ckpt"
    same = played(play, callbacks=callbacks(), ckpt_path=last)
    assert [group["lr"] for optimizer in same.trainer.optimizers for group in optimizer.param_groups] == [0.01, 0.01]
    played(play, "trainer.max_epochs=1", callbacks=callbacks())
    changed = played(play, "optimizer.lr=0.5", callbacks=callbacks(), ckpt_path=last)
    assert [group["lr"] for optimizer in changed.trainer.optimizers for group in optimizer.param_groups] == [0.5, 0.5]
    assert {row["train/d_lr"] for row in rows(changed.folder) if row["train/d_lr"]} == {"0.01", "0.5"}


def test_every_so_many_epochs_one_is_kept(play: Play) -> None:
    run = played(play, callbacks=[LastCheckpoint(keep_every=2)])
    run.trainer.strategy.teardown()
    names = sorted(path.name for path in (run.folder / "checkpoints").iterdir())
    assert names == ["epoch_0002.ckpt", "last.ckpt"]
    assert load(run.folder / "checkpoints" / "epoch_0002.ckpt")["game"]["turns"] == 2 * BATCHES


def test_two_processes_cannot_train_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "PATIENCE", 0.2)
    settings = {"run_dir": str(tmp_path / "mine")}
    with run_folder.undo_on_failure(tmp_path):
        run_folder.claim(settings)
    with pytest.raises(ConfigError, match="another process is training"), run_folder.undo_on_failure(tmp_path):
        other = os.open(tmp_path / "mine", os.O_RDONLY)  # as another process has it
        assert run_folder.lock(other)
        run_folder.reclaim(settings, anew=False)
    os.close(other)
    with run_folder.undo_on_failure(tmp_path):
        run_folder.reclaim(settings, anew=False)
