"""The fast loop and steps do what Lightning's own do, and give way to them where somebody listens."""

import dataclasses
from collections.abc import Callable
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import Play, Run

from gan.training import fast_loop
from gan.training.callbacks.checkpoint import LastCheckpoint
from gan.training.callbacks.monitor import GameMonitor
from gan.training.fast_loop import FastStepper, Stepper
from gan.training.module import GAN

GAMES: list[tuple[str, ...]] = [
    (),
    ("schedule.n_critic=2",),
    ("trainer.precision=bf16-mixed",),
    ("penalty=gradient_penalty", "objective=wasserstein"),
    ("+optimizer.generator={clip_norm:0.1,accumulate:2}", "+optimizer.discriminator={accumulate:3}"),
    ("ema=standard", "lr_schedule=cosine", "model.discriminator.dropout=0.3"),
    ("trainer.max_steps=8",),
    ("trainer.limit_train_batches=4",),
]


@pytest.fixture
def lightnings_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From this call on nothing is left out."""

    def take() -> None:
        monkeypatch.setattr(fast_loop, "can_use_fast_loop", lambda trainer: False)
        monkeypatch.setattr(Stepper, "for_trainer", Stepper)

    return take


def of(run: Run) -> dict[str, Any]:
    """All that a run says and is."""
    progress = run.trainer.fit_loop.epoch_loop.state_dict()
    timeless = [
        (step, {name: value for name, value in row.items() if name != "train/images_per_second"})
        for step, row in run.logged.rows
    ]
    return {
        "weights": run.game.state_dict(),
        "rows": timeless,
        "losses": dataclasses.asdict(run.losses),
        "progress": progress,
    }


@pytest.mark.parametrize("overrides", GAMES, ids=" ".join)
def test_the_lean_way_is_bit_equal_to_lightnings(
    play: Play, lightnings_way: Callable[[], None], overrides: tuple[str, ...]
) -> None:
    fast_run = play(*overrides, callbacks=[GameMonitor()])
    assert isinstance(fast_run.game.stepper, FastStepper)
    assert fast_loop.can_use_fast_loop(fast_run.trainer)
    lightnings_way()
    full_run = play(*overrides, callbacks=[GameMonitor()])
    assert not isinstance(full_run.game.stepper, FastStepper)
    torch.testing.assert_close(of(fast_run), of(full_run), rtol=0, atol=0)


class Hooks(L.Callback):
    """Writes down which hooks were called, with what arguments."""

    def __init__(self) -> None:
        self.called: list[tuple[str, Any]] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.called.append(("start", (batch_idx, len(batch[0]))))

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        self.called.append(("step", trainer.optimizers.index(optimizer)))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.called.append(("end", (outputs, batch_idx, trainer.global_step)))
        pl_module.log("mine", float(batch_idx))


class BackwardHooks(Hooks):
    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        self.called.append(("before backward", loss.item()))

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        self.called.append(("after backward", None))


@pytest.mark.parametrize("kind", [Hooks, BackwardHooks])
def test_a_users_callback_hears_what_it_would_hear_from_lightning(
    play: Play, lightnings_way: Callable[[], None], kind: type[Hooks]
) -> None:
    ears, other_ears = kind(), kind()
    run = play(callbacks=[ears])
    lightnings_way()
    other = play(callbacks=[other_ears])
    assert ears.called
    assert ears.called == other_ears.called
    assert run.logged.having("mine") == other.logged.having("mine") != []


def test_who_listens_to_backward_passes_is_given_them_by_lightning(play: Play) -> None:
    run = play(callbacks=[BackwardHooks()])
    assert type(run.game.stepper) is Stepper


class NewOptimizer(L.Callback):
    """Replaces D's optimizer in the course of training."""

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        _, g_optimizer = trainer.optimizers
        trainer.optimizers = [torch.optim.SGD(pl_module.discriminator.parameters(), lr=0.0), g_optimizer]


def test_an_optimizer_that_a_callback_has_replaced_makes_the_steps(play: Play) -> None:
    run = play(callbacks=[NewOptimizer()])
    first = {name: weights.clone() for name, weights in run.game.discriminator.named_parameters()}
    untrained = play("trainer.max_epochs=0")
    torch.testing.assert_close(first, dict(untrained.game.discriminator.named_parameters()), rtol=0, atol=0)


def test_a_profiler_sees_everything(play: Play) -> None:
    run = play("+trainer.profiler=simple", "trainer.max_epochs=1")
    assert not fast_loop.can_use_fast_loop(run.trainer)
    assert type(run.game.stepper) is Stepper
    timed = run.trainer.profiler.recorded_durations  # type: ignore[attr-defined]
    assert len(timed["run_training_batch"]) == 6


@pytest.mark.filterwarnings(
    "ignore:You have overridden"
)  # Lightning's, that it asks the module and not the data module
@pytest.mark.parametrize("hook", [*fast_loop.TRANSFER_HOOKS, *fast_loop.BATCH_HOOKS])
def test_a_module_with_a_hook_of_its_own_is_asked(play: Play, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    asked = []
    original = getattr(GAN, hook)

    def own(self: GAN, *arguments: Any, **named: Any) -> Any:
        asked.append(hook)
        return original(self, *arguments, **named)

    monkeypatch.setattr(GAN, hook, own)
    play("trainer.max_epochs=1")
    assert len(asked) == 6


def test_a_run_that_is_told_to_stop_ends_after_that_minibatch(play: Play) -> None:
    class Stop(L.Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            trainer.should_stop = batch_idx == 2

    run = play(callbacks=[Stop()])
    assert run.game.g_updates == 3


def test_listeners_are_the_callbacks_that_do_something() -> None:
    called = []

    def nothing(*arguments: Any) -> None:
        called.append(arguments)

    trainer = L.Trainer(
        callbacks=[LastCheckpoint(), L.Callback(), L.callbacks.LambdaCallback(on_train_batch_end=nothing)],
        enable_progress_bar=False,
        logger=False,
    )
    heard = fast_loop.listeners(trainer, "on_train_batch_end")  # Lightning puts checkpoints last
    assert len(heard) == 2
    heard[0](trainer, None, {}, None, 0)
    assert len(called) == 1
    assert fast_loop.listeners(trainer, "on_before_backward") == []
