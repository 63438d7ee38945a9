"""Learning rates over a run: exact values, properties of every curve, torch's schedulers beside them, settings."""

import dataclasses
import inspect
import itertools
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from gan.config.schema import game as schema
from gan.game.learning_rates import (
    LR_SCHEDULES,
    NETWORKS,
    Constant,
    Cosine,
    Linear,
    LRSchedule,
    progress,
    warmup_factor,
)
from gan.system.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf" / "lr_schedule"
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


def test_a_constant_rate_needs_no_end() -> None:
    assert Constant().factor(123, None) == 1.0
    assert Constant(warmup=10).factor(0, None) == 0.1


def test_progress() -> None:
    assert [progress(update, 4) for update in (0, 1, 4, 9)] == [0.0, 0.25, 1.0, 1.0]
    assert progress(0, 0) == 1.0


# Settings


def test_names() -> None:
    assert list(LR_SCHEDULES) == list(schema.LR_SCHEDULES) == ["none", "linear", "cosine"]
    assert {path.stem for path in CONF.glob("*.yaml")} == set(LR_SCHEDULES)
    assert list(LR_SCHEDULES.values()) == [Constant, Linear, Cosine]


@pytest.mark.parametrize("name", LR_SCHEDULES)
def test_schema_option_file_and_class_agree(name: str) -> None:
    node = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    fields = {field.name: field for field in dataclasses.fields(schema.LR_SCHEDULES[name])}
    arguments = inspect.signature(LR_SCHEDULES[name]).parameters
    assert set(node) == set(fields) == {"name", *arguments}
    assert node.pop("name") == fields["name"].default == name
    assert node.pop("networks") == fields["networks"].default_factory() == list(arguments["networks"].default)
    assert schema.NETWORKS == NETWORKS
    for setting, default in node.items():
        assert default == fields[setting].default == arguments[setting].default
        assert fields[setting].metadata["check"](default)


@pytest.mark.parametrize(
    ("setting", "bad"), [("start", 1.0), ("start", -0.1), ("final", 1.1), ("warmup", -1), ("networks", [])]
)
def test_values_that_the_schema_refuses(setting: str, bad: object) -> None:
    fields = {field.name: field for field in dataclasses.fields(schema.LinearConfig)}
    assert not fields[setting].metadata["check"](bad)


@pytest.mark.parametrize("networks", [["generator", "generator"], ["critic"]])
def test_networks_that_the_schema_refuses(networks: list[str]) -> None:
    fields = {field.name: field for field in dataclasses.fields(schema.CosineConfig)}
    assert not fields["networks"].metadata["check"](networks)
    assert fields["networks"].metadata["check"](["discriminator"])
