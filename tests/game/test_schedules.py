"""Schedules: which networks are updated when, and the counts of updates and minibatches, against a simulated run."""

from collections.abc import Iterator

import pytest
from option_classes import option_classes

from gan.game.schedules import AlternatingEpochs, Schedule, StepPlan, Steps
from gan.system.errors import ConfigError

BOTH, ONLY_D, ONLY_G = StepPlan(True, True), StepPlan(True, False), StepPlan(False, True)
ALL = [
    *(Steps(n) for n in (1, 2, 3, 5)),
    *(AlternatingEpochs(d, g) for d, g in ((1, 1), (2, 1), (1, 3), (2, 3))),
]


def turns(schedule: Schedule, epochs: int, batches: int) -> Iterator[StepPlan]:
    """The turns of a run, as GAN.training_step takes them."""
    d_updates = 0
    for epoch in range(epochs):
        for _ in range(batches):
            turn = schedule.plan(epoch, d_updates)
            d_updates += turn.discriminator
            yield turn


def test_by_default_both_networks_are_updated_on_every_minibatch() -> None:
    assert list(turns(Steps(), 2, 3)) == [BOTH] * 6


def test_n_critic_discriminator_updates_come_before_one_of_the_generator() -> None:
    assert list(turns(Steps(3), 1, 7)) == [ONLY_D, ONLY_D, BOTH, ONLY_D, ONLY_D, BOTH, ONLY_D]


def test_the_count_to_n_critic_goes_on_over_the_end_of_an_epoch() -> None:
    assert list(turns(Steps(3), 3, 2)) == [ONLY_D, ONLY_D, BOTH, ONLY_D, ONLY_D, BOTH]


def test_whole_epochs_alternate_and_the_discriminator_begins() -> None:
    assert list(turns(AlternatingEpochs(), 4, 2)) == [ONLY_D] * 2 + [ONLY_G] * 2 + [ONLY_D] * 2 + [ONLY_G] * 2


def test_periods_of_several_epochs() -> None:
    epochs = [turn.generator for turn in turns(AlternatingEpochs(2, 3), 11, 1)]
    assert epochs == [False, False, True, True, True, False, False, True, True, True, False]


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_somebody_is_updated_on_every_minibatch(schedule: Schedule) -> None:
    assert all(turn.discriminator or turn.generator for turn in turns(schedule, 12, 5))


@pytest.mark.parametrize("schedule", ALL, ids=str)
@pytest.mark.parametrize("batches", [1, 4, 7])
def test_generator_updates_are_those_of_the_game_played_out(schedule: Schedule, batches: int) -> None:
    for epochs in range(14):
        played = sum(turn.generator for turn in turns(schedule, epochs, batches))
        assert schedule.generator_updates(epochs, batches) == played


@pytest.mark.parametrize("schedule", ALL, ids=str)
@pytest.mark.parametrize("batches", [1, 4, 7])
def test_minibatches_are_those_of_the_game_played_out(schedule: Schedule, batches: int) -> None:
    played = list(turns(schedule, 60, batches))
    assert schedule.minibatches(0, batches) == 0
    for updates in range(1, 1 + min(30, sum(turn.generator for turn in played))):
        needed = schedule.minibatches(updates, batches)
        assert played[needed - 1].generator
        assert sum(turn.generator for turn in played[:needed]) == updates


def test_a_schedule_that_stops_updating_the_generator_is_an_error_and_no_endless_loop() -> None:
    class Stopping(Steps):
        def plan(self, epoch: int, d_updates: int) -> StepPlan:
            return StepPlan(discriminator=True, generator=epoch == 0)

    assert Schedule.minibatches(Stopping(), 10, 10) == 10
    with pytest.raises(ConfigError, match="schedule: Stopping does not update the generator in"):
        Schedule.minibatches(Stopping(), 11, 10)


def test_names_of_the_schedules() -> None:
    assert option_classes("schedule") == {"steps": Steps, "alternating_epochs": AlternatingEpochs}
