"""Changes: settings that change in the course of a run, recorded and repeated to the same numbers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, Play, Run

from gan.config.changed_settings import changeable
from gan.game.compiled import CompiledUpdates
from gan.game.losses import Hinge
from gan.game.penalties import R1
from gan.runs.changes import Change, read_changes, write_changes
from gan.system.errors import ConfigError
from gan.training.callbacks import Changes, GameMonitor, LastCheckpoint
from gan.training.callbacks.changes import steered
from gan.training.game_module import GameModule

MIDDLE, END = 3, 9
CHANGED = {
    "objective": "hinge", "penalty": "r1", "penalty.gamma": 0.2, "optimizer.generator.lr": 0.03,
    "optimizer.betas": [0.0, 0.9], "schedule.n_critic": 2, "seed": 5,
}  # fmt: skip
Steps = Mapping[int, Callable[[Changes, L.Trainer, GameModule], None]]


def change(settings: Mapping[str, Any]) -> Callable[[Changes, L.Trainer, GameModule], None]:
    return lambda changes, trainer, game: changes.make(trainer, game, settings)


def end(changes: Changes, trainer: L.Trainer, game: GameModule) -> None:
    changes.end(trainer, game)


def steps(by_minibatch: Steps) -> Callable[[Changes, L.Trainer, GameModule], None]:
    def steering(changes: Changes, trainer: L.Trainer, game: GameModule) -> None:
        if game.turns in by_minibatch:
            by_minibatch[game.turns](changes, trainer, game)

    return steering


def trained(play: Play, *words: str, **options: Any) -> Run:
    callbacks = [GameMonitor(), LastCheckpoint(every=4), Changes()]
    return play("trainer.max_epochs=20", *words, callbacks=callbacks, **options)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in run.game.state_dict().items()}


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_changes_are_made_recorded_and_repeated_bit_for_bit(play: Play) -> None:
    with steered(steps({MIDDLE: change(CHANGED), END: end})):
        first = trained(play)
    assert read_changes(first.folder) == [Change(MIDDLE, CHANGED), Change(END, end=True)]
    assert first.game.turns == END
    assert isinstance(first.game.objective, Hinge)
    assert first.game.penalty == R1(gamma=0.2)
    d_group, g_group = (optimizer.param_groups[0] for optimizer in first.trainer.optimizers)
    assert (g_group["lr"], d_group["lr"], g_group["betas"][0]) == (0.03, 0.01, 0.0)
    assert first.game.d_updates == END
    assert first.game.g_updates < END
    before, losses = weights(first), first.losses
    second = trained(play)
    assert same(before, weights(second))
    assert second.game.turns == END
    assert second.losses == losses


def test_without_its_change_a_run_has_other_numbers(play: Play) -> None:
    with steered(steps({MIDDLE: change({"seed": 5}), END: end})):
        changed = weights(trained(play))
    folder = trained(play).folder
    write_changes(folder, [Change(END, end=True)])
    assert not same(changed, weights(trained(play)))


def test_a_resumed_run_has_the_changes_before_and_after_its_checkpoint(play: Play) -> None:
    with steered(steps({1: change({"objective": "hinge"}), 6: change({"optimizer.generator.lr": 0.05}), END: end})):
        first = trained(play)
    before, changes = weights(first), read_changes(first.folder)
    write_changes(first.folder, [changes[0], Change(4, end=True)])
    assert trained(play).game.turns == 4
    write_changes(first.folder, changes)
    checkpoint = first.folder / "checkpoints" / "last.ckpt"
    resumed = trained(play, ckpt_path=checkpoint)
    assert (resumed.game.turns, same(before, weights(resumed))) == (END, True)


def test_a_run_that_was_ended_by_hand_goes_on_when_it_is_resumed(play: Play) -> None:
    with steered(steps({BATCHES: end})):
        first = trained(play)
    with steered(steps({11: end})):
        again = trained(play, ckpt_path=first.folder / "checkpoints" / "last.ckpt")
    assert again.game.turns == 11
    assert read_changes(first.folder) == [Change(BATCHES, end=True), Change(11, end=True)]


def test_a_change_is_not_lost_in_a_compiled_update(play: Play) -> None:
    """The graphs of before have the old objective in them."""
    before = CompiledUpdates(rows=10**6)  # more than a minibatch has: nothing is compiled

    def with_graphs(changes: Changes, trainer: L.Trainer, game: GameModule) -> None:
        game._compiled = before
        changes.make(trainer, game, {"objective": "hinge"})
        changes.end(trainer, game)

    with steered(steps({2: with_graphs})):
        after = trained(play).game._compiled
    assert after is not before
    assert after is not None
    assert after.rows == before.rows


def test_a_change_that_is_not_valid_leaves_the_game_as_it_is(play: Play) -> None:
    errors: list[str] = []

    def wrong(changes: Changes, trainer: L.Trainer, game: GameModule) -> None:
        before = changeable(changes.settings)
        with pytest.raises(ConfigError) as raised:
            changes.make(trainer, game, {"objective": "hinge", "penalty.gamma": 3})
        errors.append(str(raised.value))
        assert changeable(changes.settings) == before
        changes.end(trainer, game)

    with steered(steps({2: wrong})):
        run = trained(play)
    assert errors[0].startswith("change: no such option 'penalty.gamma';")
    assert read_changes(Path(run.folder)) == [Change(2, end=True)]
    assert not isinstance(run.game.objective, Hinge)


def test_a_run_can_end_before_its_first_minibatch(play: Play) -> None:
    with steered(steps({0: end})):
        assert trained(play).game.turns == 0
