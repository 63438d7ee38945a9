"""A run that was cut short and goes on ends with the very numbers of one that was not."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import yaml
from tiny_runs import BATCHES, Play, Run

from gan.runs import resume, run_folder
from gan.runs.checkpoint_io import load
from gan.runs.comparison import differing, rows
from gan.system import signals
from gan.system.errors import ConfigError
from gan.training.callbacks import Alarms, GameMonitor, LastCheckpoint, LossCurves, SampleGrids

GAMES = {
    "plain": [],
    "dropout, n_critic 2": ["model.discriminator.dropout=0.5", "schedule.n_critic=2"],
    "alternating epochs": ["schedule=alternating_epochs"],
    "batch statistics": ["model.generator.normalization=batch", "model.discriminator.normalization=batch"],
    "average, lazy R1, accumulation": ["ema=standard", "penalty=r1", "penalty.every=3", "optimizer.accumulate=2"],
    "adaptive augmentation, noise": ["augmentation=adaptive", "augmentation.every=5", "objective.instance_noise=0.1"],
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
        play, length, callbacks=[*callbacks(), LossCurves()], ckpt_path=last, past=resume.Past(last, is_all=True)
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
            assert signals.asked() is not None
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


# What may be changed, and what is said.

Settle = Callable[..., tuple[dict[str, Any], resume.Past | None]]


@pytest.fixture
def settle(play: Play, compose_settings: Callable[..., dict[str, Any]]) -> Settle:
    """``settle(*words)``: as ``train.py resume=RUN words`` with the folder of a run of one of two epochs."""
    run = play("trainer.max_epochs=1", callbacks=[LastCheckpoint()])
    settings = dict(run.game.hparams)
    settings["trainer"] = {**settings["trainer"], "max_epochs": 2}
    settings.pop("resume", None)
    (run.folder / "config.yaml").write_text(yaml.safe_dump(settings))

    def settled(*words: str, allow: Any = (), auto: dict[str, Any] | None = None) -> Any:
        resume.command_line([f"resume={run.folder}", *words])
        asked = {"run": "auto" if auto is not None else str(run.folder), "allow": list(allow)}
        return resume.settle(settings if auto is None else {**settings, **auto}, asked)

    return settled


def test_a_run_goes_on_with_its_own_settings(settle: Settle) -> None:
    settings, past = settle("trainer.max_epochs=7")
    assert past is not None
    assert past.checkpoint is not None
    assert (past.epochs, past.turns, past.changed) == (1, BATCHES, ["trainer.max_epochs: 2 -> 7"])
    assert settings["trainer"]["max_epochs"] == 7
    assert settings["optimizer"]["lr"] == 0.01


def test_what_changes_the_game_must_be_asked_for(settle: Settle) -> None:
    with pytest.raises(ConfigError) as told:
        settle("optimizer.lr=0.5", "seed=3", "data.root=elsewhere")
    assert str(told.value).splitlines()[1:] == [
        "optimizer.lr: 0.01 before, 0.5 given",
        "seed: 0 before, 3 given",
        "leave them as they were, or allow the change: 'resume.allow=[optimizer.lr,seed]'",
    ]
    settings, past = settle("optimizer.lr=0.5", allow=["optimizer"])
    assert past is not None
    assert settings["optimizer"]["lr"] == 0.5
    assert past.changed == ["optimizer.lr: 0.01 -> 0.5"]


def test_what_the_checkpoint_has_no_place_for_cannot_be_allowed(settle: Settle) -> None:
    with pytest.raises(ConfigError, match=r"model.latent_dim: 3 before, 5 given: the checkpoint has no networks"):
        settle("model.latent_dim=5", allow=["model"])


@pytest.mark.parametrize("word", ["model=dcgan", "optimizer=sgd", "experiment=dcgan", "~trainer.max_epochs"])
def test_options_are_those_of_the_run(settle: Settle, word: str) -> None:
    with pytest.raises(ConfigError, match="a run goes on with the options that it has"):
        settle(word)


def test_auto_compares_the_whole_command_with_the_run(settle: Settle) -> None:
    _, past = settle(auto={})
    assert past is not None
    with pytest.raises(ConfigError, match="seed: 0 before, 1 given"):
        settle(auto={"seed": 1})


def test_a_finished_run_says_so(settle: Settle, tmp_path: Path) -> None:
    (tmp_path / "run" / "run.json").write_text('{"ended": {"epochs": 1}}')
    with pytest.raises(resume.FinishedError, match=r"is finished: 1 epochs, 6 generator updates. To go on: "):
        settle("trainer.max_epochs=1")


def test_a_run_killed_before_it_said_that_it_is_finished_has_its_end_to_do(settle: Settle) -> None:
    _, past = settle("trainer.max_epochs=1")
    assert past is not None
    assert past.is_all


def test_a_damaged_checkpoint_is_passed_over(settle: Settle, tmp_path: Path) -> None:
    _, past = settle()
    assert past is not None
    assert past.checkpoint is not None
    content = past.checkpoint.read_bytes()
    past.checkpoint.with_name("epoch_0001.ckpt").write_bytes(content)
    past.checkpoint.write_bytes(content[: len(content) // 2])
    _, other = settle()
    assert other is not None
    assert other.checkpoint == past.checkpoint.with_name("epoch_0001.ckpt")
    assert other.damaged == [
        f"{past.checkpoint}: cut short, or no checkpoint of this program: it ends without its seal"
    ]
    other.checkpoint.write_bytes(b"")
    _, none = settle()
    assert none is not None
    assert none.checkpoint is None
    assert resume.told(none)[-1] == "resume: there is no whole checkpoint; the run begins anew"


def test_a_run_that_was_moved_goes_on_where_it_is_now(play: Play, settle: Settle) -> None:
    settings, _ = settle()
    old = Path(settings["run_dir"])
    moved = old.rename(old.with_name("moved"))
    resume.command_line([f"resume={moved}"])
    settings, past = resume.settle({**settings, "run_dir": str(moved)}, {"run": str(moved), "allow": []})
    assert past is not None
    assert past.changed == []
    assert settings["run_dir"] == settings["trainer"]["default_root_dir"] == str(moved)


def test_no_run_is_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no run"):
        resume.command_line([f"resume={tmp_path}"])
    with pytest.raises(ConfigError, match="is not there"):
        resume.command_line([f"resume={tmp_path / 'none'}"])


def test_two_processes_cannot_train_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "PATIENCE", 0.2)
    settings = {"run_dir": str(tmp_path / "mine")}
    with run_folder.clean_start(tmp_path):
        run_folder.take(settings)
        with pytest.raises(ConfigError, match="another process is training"):
            run_folder.take_again(settings, anew=False)
    with run_folder.clean_start(tmp_path):
        run_folder.take_again(settings, anew=False)
