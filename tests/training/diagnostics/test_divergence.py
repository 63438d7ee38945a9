"""A game whose numbers are not finite ends with one message, and keeps its last finite state."""

import json
import math
import shlex
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, Play
from torch import Tensor
from train_command import train_in

from gan.runs.checkpoint_io import load
from gan.training.callbacks import Alarms, BestCheckpoint, GameMonitor, GeneratorBundle, LastCheckpoint
from gan.training.diagnostics.divergence import Diverged, first_lost_update, losses_are_finite


class Break(L.Callback):
    """Before one minibatch a weight of a network becomes what it should not."""

    def __init__(self, network: str, turn: int, value: float = math.nan) -> None:
        self.network, self.turn, self.value = network, turn, value

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if pl_module.turns == self.turn:
            with torch.no_grad():
                next(getattr(pl_module, self.network).parameters()).flatten()[0] = self.value


def finite(value: Any) -> bool:
    """All that a checkpoint holds."""
    if isinstance(value, dict | list | tuple):
        return all(finite(part) for part in (value.values() if isinstance(value, dict) else value))
    return bool(value.isfinite().all()) if isinstance(value, Tensor) and value.is_floating_point() else True


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_it_says_whose_numbers_since_when_and_where_the_last_finite_state_is(play: Play, value: float) -> None:
    alarms, broken = Alarms(count=4), Break("discriminator", BATCHES + 3, value)
    with pytest.raises(Diverged) as ended:
        play(callbacks=[broken, GameMonitor(), alarms, GeneratorBundle(), LastCheckpoint(every=1)])
    lines = str(ended.value).splitlines()
    assert lines[0].startswith(
        "The run diverged in epoch 2 (generator update 10): not finite: the discriminator's loss since its update 10; "
        "the generator's loss since its update 10; weights of the discriminator, the generator. Try: optimizer.lr=0.001"
    )
    assert "the newest complete checkpoint is checkpoints/last.ckpt" in lines[1]
    assert lines[2].startswith("With the same settings it would diverge again. To resume with other settings: python ")
    assert "To resume: " not in str(ended.value)
    assert ended.value.exit_code == 1

    kept = load(ended.value.folder / "checkpoints" / "last.ckpt")
    assert kept["game"]["g_updates"] == BATCHES + 3
    assert finite(kept)
    (alarm,) = json.loads((ended.value.folder / "alarms.json").read_text())
    assert (alarm["name"], alarm["since"]) == ("divergence", {"epoch": 2, "update": 10})


def test_weights_alone_are_enough_to_write_nothing(play: Play) -> None:
    """Without alarms, who writes still looks: here at the average, which no loss sees."""
    for around in ([LastCheckpoint()], [GeneratorBundle()]):
        with pytest.raises(Diverged, match="not finite: weights of the average of the generator"):
            play("ema=standard", callbacks=[Break("ema", 2), *around])


def test_of_a_best_that_is_not_finite_nothing_is_written(play: Play) -> None:
    class Measured(L.Callback):
        def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
            pl_module.log("quality/fcd", 1.0, logger=False)

    with pytest.raises(Diverged) as ended:
        play(callbacks=[Measured(), Break("generator", 2), BestCheckpoint()])
    assert not (ended.value.folder / "checkpoints").exists()
    assert "no complete checkpoint yet" in str(ended.value)


def test_while_losses_are_not_finite_nothing_is_written_and_the_game_may_recover(play: Play) -> None:
    """As under float16, which leaves out a step with infinite gradients: weights stay as they are."""

    class LoseOne(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, game: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if game.turns == 3:
                game.record.add_generator(torch.tensor(math.inf))
                assert not losses_are_finite(game)

    kept: list[int] = []

    class Look(L.Callback):
        def on_train_batch_start(self, trainer: L.Trainer, game: Any, batch: Any, batch_idx: int) -> None:
            trainer.strategy.checkpoint_io.teardown()  # the file is written
            file = Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt"
            kept.append(load(file)["game"]["turns"] if file.exists() else 0)

    around = [LoseOne(), Look(), GameMonitor(), Alarms(count=4), LastCheckpoint(every=1)]
    play("trainer.max_epochs=1", "trainer.log_every_n_steps=6", callbacks=around)
    assert kept == [0, 1, 2, 2, 4, 5]


@pytest.mark.parametrize(
    ("losses", "updates", "total", "first"),
    [
        ([1.0, 2.0, 3.0], 3, 10, None),
        ([1.0, math.nan, math.nan], 3, 10, 9),
        ([math.inf, 1.0, 1.0], 3, 10, 8),
        ([1.0, math.nan], 2, 10, 10),
    ],
)
def test_the_first_lost_update_is_found(losses: list[float], updates: int, total: int, first: int | None) -> None:
    assert first_lost_update(torch.tensor(losses), updates, total) == first


def test_what_it_advises_goes_on_where_the_same_settings_would_diverge_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The learning rate of a game is too high from its ninth minibatch on, which no checkpoint knows of."""

    def broken(monitor: GameMonitor, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
        if pl_module.turns >= 9 and trainer.optimizers[1].param_groups[0]["lr"] > 1e-3:
            Break("discriminator", pl_module.turns).on_train_batch_start(trainer, pl_module, None, 0)

    monkeypatch.setattr(GameMonitor, "on_train_batch_start", broken)
    train = train_in(tmp_path, monkeypatch, capfd)
    words = [
        *("data=mnist_sample", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]", "data.batch_size=32"),
        *("optimizer.lr=0.005", "trainer.limit_train_batches=6", "trainer.log_every_n_steps=3", "trainer.max_epochs=2"),
        *("callbacks.quality=null", "callbacks.projector=null", "accelerator=cpu", "hydra.run.dir=my run"),
    ]
    done = train(*words)
    assert done.returncode == 1, done.stderr
    folder = shlex.split(done.stderr.strip().splitlines()[-1].partition("python train.py ")[2])[0]
    done = train(folder)
    assert done.returncode == 1  # which is why it is not advised
    advised = shlex.split(done.stderr.strip().splitlines()[-1].partition("python train.py ")[2])
    assert advised == [folder, "optimizer.lr=0.0005", "resume.allow=[optimizer.lr]"]
    done = train(*advised)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "my run" / "run.json").read_text())["ended"]["g_updates"] == 12


@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_from_the_command_line_it_is_one_message_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], devices: int
) -> None:
    words = [
        *("data=mnist_sample", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]", "data.batch_size=32"),
        *("optimizer=sgd", "optimizer.lr=1e20", "trainer.limit_train_batches=6", "trainer.log_every_n_steps=3"),
        *("callbacks.quality=null", "accelerator=cpu", f"trainer.devices={devices}", "hydra.run.dir=mine"),
    ]
    done = train_in(tmp_path, monkeypatch, capfd)(*words)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    told = done.stderr[done.stderr.index("The run diverged") :].strip().splitlines()
    assert told[0].startswith("The run diverged in epoch 1 (generator update ")
    assert told[1] == "Its files are in mine/; there is no complete checkpoint yet."
    assert done.stderr.count("The run diverged") == 1
    failed = json.loads((tmp_path / "mine" / "run.json").read_text())["failed"]["error"]
    assert "Diverged: The run diverged in epoch 1" in failed  # of several processes, with the rank before it
    assert [alarm["name"] for alarm in json.loads((tmp_path / "mine" / "alarms.json").read_text())] == ["divergence"]
    assert not list((tmp_path / "mine").glob("checkpoints/*"))
    assert not (tmp_path / "mine" / "generator.safetensors").exists()
