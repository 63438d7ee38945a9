"""Wherever and however a run stops, the resumed run ends with the numbers and logs of one that was not interrupted."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
from tensorboard.backend.event_processing.event_accumulator import STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator
from tiny_runs import Play, Run

from gan.runs.checkpoint_io import load
from gan.runs.comparison import differing, rows
from gan.runs.moved_settings import in_folder
from gan.system import signals
from gan.training.callbacks import Alarms, BestCheckpoint, GameMonitor, LastCheckpoint, LossCurves, SampleGrids

MINIBATCHES, EPOCHS = 3, 4  # minibatches in an epoch, epochs in the whole run
SCHEDULES = {
    "steps": ["schedule=steps"],
    "n_critic": ["schedule=steps", "schedule.n_critic=2"],
    "alternating_epochs": ["schedule=alternating_epochs"],
    "overfit": ["schedule=steps", f"+trainer.overfit_batches={MINIBATCHES}"],
}
GENERATOR_UPDATES: dict[str, Callable[[int], int]] = {  # after so many minibatches
    "steps": lambda turns: turns,
    "n_critic": lambda turns: turns // 2,
    "overfit": lambda turns: turns,
    "alternating_epochs": lambda turns: sum(turn // MINIBATCHES % 2 for turn in range(turns)),
}


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """losses.png is drawn of metrics.csv, which is compared, and takes longer than all the rest."""
    monkeypatch.setattr("gan.training.callbacks.curves.draw_curves", lambda columns: b"")


class Kill(BaseException):
    """Nobody on the way takes it for anything."""


class Acts(L.Callback):
    """Does something after so many minibatches, before other callbacks hear of that minibatch."""

    def __init__(self, turns: int, act: Callable[[L.Trainer], None]) -> None:
        self.turns, self.act = turns, act

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
        if pl_module.turns == self.turns:
            self.act(trainer)


class ActsLast(Acts, L.callbacks.Checkpoint):
    """The same, after all others."""


class ActsAtEpochEnd(Acts):
    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
        pass

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        super().on_train_batch_end(trainer, pl_module)


def stop(trainer: L.Trainer) -> None:
    trainer.should_stop = True


def kill(trainer: L.Trainer) -> None:
    trainer.strategy.teardown()  # the checkpoint before is written
    raise Kill


Way = Callable[[str, int], tuple[list[str], list[L.Callback], type[BaseException] | None]]
# From a schedule and the minibatches after which it is to stop: what is typed, what happens, how `fit` ends.
WAYS: dict[str, Way] = {
    "steps": lambda schedule, turns: ([f"trainer.max_steps={GENERATOR_UPDATES[schedule](turns)}"], [], None),
    "epochs": lambda schedule, turns: ([f"trainer.max_epochs={turns // MINIBATCHES}"], [], None),
    "time": lambda schedule, turns: ([], [Acts(turns, stop)], None),  # as Lightning's Timer does it
    "early stopping": lambda schedule, turns: ([], [ActsAtEpochEnd(turns, stop)], None),
    "signal": lambda schedule, turns: (
        [],
        [Acts(turns, lambda trainer: signal.raise_signal(signal.SIGTERM))],
        signals.Stopped,
    ),
    "kill": lambda schedule, turns: ([], [ActsLast(turns, kill)], Kill),
}
ENDS = {"epochs": [f"trainer.max_epochs={EPOCHS}"], "steps": ["trainer.max_epochs=20"]}


def ending(schedule: str, end: str) -> list[str]:
    total = GENERATOR_UPDATES[schedule](MINIBATCHES * EPOCHS)
    return [*ENDS[end], *([f"trainer.max_steps={total}"] if end == "steps" else [])]


def can_stop(schedule: str, way: str, turns: int) -> bool:
    updates = GENERATOR_UPDATES[schedule]
    if way == "steps":
        return updates(turns) > updates(turns - 1)
    if way in ("epochs", "early stopping"):
        return turns % MINIBATCHES == 0
    return way != "kill" or turns > 2  # there is a checkpoint after two minibatches


def cells() -> Iterator[Any]:
    """Every schedule x way x place x end; not slow are the places around one end of an epoch."""
    for schedule in SCHEDULES:
        quick = {"steps": (4, 5, 6), "alternating_epochs": (6, 7, 8, 9), "overfit": (4,)}.get(schedule, ())
        for way in WAYS:
            for turns in range(1, MINIBATCHES * EPOCHS):
                if not can_stop(schedule, way, turns):
                    continue
                for end in ENDS:
                    is_quick = turns in quick and end == ("steps" if way == "steps" else "epochs")
                    marks = [] if is_quick else [pytest.mark.slow]
                    yield pytest.param(schedule, way, turns, end, id=f"{schedule}-{way}-{turns}-{end}", marks=marks)


def trained(play: Play, *words: str, around: list[L.Callback] | None = None, resume: Path | None = None) -> Run:
    callbacks = [
        GameMonitor(), Alarms(count=4, sustained=4), SampleGrids(count=2), LossCurves(),
        BestCheckpoint(), LastCheckpoint(every=2),
    ]  # fmt: skip
    fixed = ("logger=default", f"trainer.limit_train_batches={MINIBATCHES}")
    return play(*fixed, *words, callbacks=[*(around or []), *callbacks], ckpt_path=resume)


def shown(folder: Path) -> dict[str, Any]:
    """By tag, every step and value that TensorBoard shows, in the order of the times, but without them."""
    found = EventAccumulator(str(folder), STORE_EVERYTHING_SIZE_GUIDANCE).Reload()
    told: dict[str, Any] = {}

    def in_order(of_tag: list[Any]) -> list[Any]:
        return sorted(of_tag, key=lambda event: event.wall_time)  # files of the same second have no order

    for tag in found.Tags()["scalars"]:
        if not tag.endswith("images_per_second"):
            told[tag] = [(event.step, event.value) for event in in_order(found.Scalars(tag))]
    for tag in found.Tags()["images"]:
        told[tag] = [(event.step, event.encoded_image_string) for event in in_order(found.Images(tag))]
    for tag in found.Tags()["tensors"]:
        told[tag] = [(event.step, event.tensor_proto.SerializeToString()) for event in in_order(found.Tensors(tag))]
    return told


def left(run: Run) -> dict[str, Any]:
    """What a run leaves in its folder, without its times and the folder's name."""
    run.trainer.strategy.teardown()  # the last checkpoint is written in the background
    checkpoint = load(run.folder / "checkpoints" / "last.ckpt")
    checkpoint["hyper_parameters"] = in_folder(checkpoint["hyper_parameters"], Path("run"))
    del checkpoint["event_files"]  # the sizes of files, of which a resumed run has more
    return {
        "checkpoint": checkpoint,
        "metrics.csv": rows(run.folder),
        "events": shown(run.folder / "tensorboard"),
        "samples": {path.name: path.read_bytes() for path in (run.folder / "samples").iterdir()},
    }


_undisturbed: dict[tuple[str, str], dict[str, Any]] = {}


def undisturbed(play: Play, tmp_path: Path, schedule: str, end: str) -> dict[str, Any]:
    """What the run leaves that nothing stops; played once."""
    if (schedule, end) not in _undisturbed:
        run = trained(play, *SCHEDULES[schedule], *ending(schedule, end))
        _undisturbed[schedule, end] = left(run)
        run.folder.rename(tmp_path / "undisturbed")
    return _undisturbed[schedule, end]


def check(play: Play, tmp_path: Path, schedule: str, end: str, stops: list[tuple[str, int]]) -> None:
    expected = undisturbed(play, tmp_path, schedule, end)
    last: Path | None = None
    for way, turns in stops:
        words, around, error = WAYS[way](schedule, turns)
        with signals.listening(), pytest.raises(error) if error else contextlib.nullcontext():
            trained(play, *SCHEDULES[schedule], *ending(schedule, end), *words, around=around, resume=last)
        last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    found = left(trained(play, *SCHEDULES[schedule], *ending(schedule, end), resume=last))
    assert differing(found, expected) == []


@pytest.mark.filterwarnings("ignore:You requested to overfit")
@pytest.mark.parametrize(("schedule", "way", "turns", "end"), list(cells()))
def test_stopped_and_resumed(play: Play, tmp_path: Path, schedule: str, way: str, turns: int, end: str) -> None:
    check(play, tmp_path, schedule, end, [(way, turns)])


@pytest.mark.filterwarnings("ignore:You requested to overfit")
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_stopped_and_resumed_again_and_again(play: Play, tmp_path: Path, schedule: str) -> None:
    stops = [("kill", 3), ("signal", 3), ("time", 5), ("steps", 6), ("epochs", 9), ("kill", 11)]
    check(play, tmp_path, schedule, "steps", stops)
