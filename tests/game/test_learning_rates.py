"""Learning rates over a run: exact values, properties of every curve, torch's schedulers beside them, settings."""

import itertools
import re

import pytest
import torch
from option_classes import CONF, LR_SCHEDULES
from plain_networks import pair
from torch import nn

from gan.game.latents import Prior
from gan.game.learning_rates import Constant, Cosine, Linear, LRSchedule, progress, warmup_factor
from gan.game.updates import Game
from gan.system.errors import ConfigError
from gan.system.value_types import allowed, hints_of, problem

ALL: list[LRSchedule] = [
    Constant(),
    Constant(warmup=7),
    Linear(),
    Linear(start=0.0, final=0.1),
    Linear(start=0.9, warmup=30),
    Linear(final=1.0),
    Cosine(),
    Cosine(final=0.25, warmup=10),
]
FALLING = [Linear(), Linear(start=0.0, final=0.1), Linear(start=0.9), Cosine(), Cosine(final=0.25)]


def curve(schedule: LRSchedule, total: int) -> list[float]:
    """The factors of a whole run, and the one after its last update."""
    return [schedule.factor(update, total) for update in range(total + 1)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(), [1.0, 1.0, 1.0, 1.0, 1.0]),
        (Constant(warmup=4), [0.25, 0.5, 0.75, 1.0, 1.0]),
        (Linear(), [1.0, 1.0, 1.0, 0.5, 0.0]),
        (Linear(start=0.0), [1.0, 0.75, 0.5, 0.25, 0.0]),
        (Linear(start=0.0, final=0.2), [1.0, 0.8, 0.6, 0.4, 0.2]),
        (Linear(start=0.75), [1.0, 1.0, 1.0, 1.0, 0.0]),
        (Linear(start=0.0, warmup=2), [0.5, 0.75, 0.5, 0.25, 0.0]),
        (Cosine(), [1.0, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4, 0.0]),
        (Cosine(final=0.5), [1.0, (6 + 2**0.5) / 8, 0.75, (6 - 2**0.5) / 8, 0.5]),
    ],
)
def test_factors_of_a_run_of_four_updates(schedule: LRSchedule, expected: list[float]) -> None:
    assert curve(schedule, 4) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("total", [1, 2, 3, 100, 1001])
def test_every_factor_is_in_0_to_1_and_no_update_of_a_run_is_wasted(schedule: LRSchedule, total: int) -> None:
    factors = curve(schedule, total)
    assert all(0.0 <= factor <= 1.0 for factor in factors)
    assert all(factor > 0.0 for factor in factors[:-1])


@pytest.mark.parametrize("schedule", FALLING, ids=repr)
def test_the_rate_begins_whole_never_rises_and_ends_at_its_final_share(schedule: Linear | Cosine) -> None:
    factors = curve(schedule, 500)
    assert factors[0] == 1.0
    assert all(later <= earlier for earlier, later in itertools.pairwise(factors))
    assert factors[-1] == pytest.approx(schedule.final, abs=1e-12)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_after_the_end_the_rate_stays(schedule: LRSchedule) -> None:
    assert schedule.factor(10_000, 100) == schedule.factor(100, 100)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_the_factor_depends_on_its_arguments_alone(schedule: LRSchedule) -> None:
    forward = [schedule.factor(update, 40) for update in range(40)]
    backward = [schedule.factor(update, 40) for update in reversed(range(40))]
    assert forward == backward[::-1]


@pytest.mark.parametrize("schedule", FALLING, ids=repr)
def test_an_extended_run_has_another_curve(schedule: LRSchedule) -> None:
    assert schedule.factor(95, 100) < schedule.factor(95, 200)


def test_warmup_rises_in_equal_steps_and_multiplies() -> None:
    assert [warmup_factor(update, 5) for update in range(7)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0])
    assert warmup_factor(0, 0) == warmup_factor(0, 1) == 1.0
    for update in range(30):
        warm = Cosine(warmup=10).factor(update, 30)
        assert warm == pytest.approx(Cosine().factor(update, 30) * min(1, (update + 1) / 10))


def test_torch_s_schedulers_draw_the_same_curves() -> None:
    def rates(of: str) -> list[float]:
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler: torch.optim.lr_scheduler.LRScheduler
        if of == "cosine":
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20, eta_min=0.1)
        else:
            scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, 20)
        found = []
        for _ in range(20):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    assert curve(Cosine(final=0.1), 20)[:-1] == pytest.approx(rates("cosine"), abs=1e-9)
    assert curve(Linear(start=0.0, final=0.1), 20)[:-1] == pytest.approx(rates("linear"), abs=1e-9)


@pytest.mark.parametrize("schedule", [Linear(), Cosine()], ids=repr)
def test_a_run_without_an_end_has_no_such_curve(schedule: LRSchedule) -> None:
    with pytest.raises(ConfigError, match=r"lr_schedule: .* needs trainer\.max_epochs or trainer\.max_steps"):
        schedule.factor(0, None)


def test_a_loop_of_ones_own_gives_the_length() -> None:
    game = Game(*pair(), prior=Prior("normal", 3), lr_schedule=Cosine())
    optimizers = [torch.optim.SGD(network.parameters(), lr=1.0) for network in (game.discriminator, game.generator)]
    real, labels = torch.zeros(4, 1, 6, 6), torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ConfigError, match=r"set Game\.total_updates to the number of generator updates"):
        game.train_minibatch(real, labels, *optimizers)
    game.total_updates = 2
    rates = []
    for _ in range(2):
        game.train_minibatch(real, labels, *optimizers)
        rates.append(optimizers[1].param_groups[0]["lr"])
    assert rates == pytest.approx([1.0, 0.5])


def test_a_constant_rate_needs_no_end() -> None:
    assert Constant().factor(123, None) == 1.0
    assert Constant(warmup=10).factor(0, None) == 0.1


def test_progress() -> None:
    assert [progress(update, 4) for update in (0, 1, 4, 9)] == [0.0, 0.25, 1.0, 1.0]
    assert progress(0, 0) == 1.0


# Settings


def test_names() -> None:
    assert {"none": Constant, "linear": Linear, "cosine": Cosine} == LR_SCHEDULES
    assert {path.stem for path in (CONF / "lr_schedule").glob("*.yaml")} == set(LR_SCHEDULES)


@pytest.mark.parametrize(
    ("setting", "bad"), [("start", 1.0), ("start", -0.1), ("final", 1.1), ("warmup", -1), ("networks", [])]
)
def test_values_that_are_refused(setting: str, bad: object) -> None:
    hint = hints_of(Linear)[setting]
    assert problem(setting, bad, hint) == f"{setting}: {bad!r} given, {allowed(hint)} expected"


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        (
            ["generator", "generator"],
            "['generator', 'generator'] given, one or more of generator, discriminator (each at most once) expected",
        ),
        (
            ["generator", "generators"],
            "no such option 'generators'; did you mean 'generator'? choices: discriminator, generator",
        ),
    ],
)
def test_networks_that_are_refused(networks: list[str], message: str) -> None:
    hint = hints_of(Cosine)["networks"]
    assert problem("networks", networks, hint) == f"networks: {message}"
    with pytest.raises(ConfigError, match=re.escape(f"Cosine.networks: {message}")):
        Cosine(networks=networks)
    assert problem("networks", ["discriminator"], hint) is None
