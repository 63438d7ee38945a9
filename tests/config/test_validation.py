"""Is this configuration one that can run? Every option file is, and what is unusual and right."""

import copy
from pathlib import Path

import pytest
import torch
from config_problems import problems
from tiny_runs import Compose

from gan.config.validation import validate
from gan.data.registry import NAMES

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if path.parent.name not in ("hydra", "experiment")
)
NEEDS = {  # what an option does not come without
    "data=folder": ["data.folder=pictures"],
    "data=array": ["data.file=images.npz"],
    "data=torchvision": ["data.dataset=USPS"],
    "data=custom": ["data._target_=torchvision.datasets.FakeData", "model=dcgan"],
    "data=cifar10": ["model=dcgan"],
    "objective=wasserstein": ["penalty=gradient_penalty"],
    "optimizer=torch": ["optimizer._target_=torch.optim.NAdam"],
}
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


def test_the_default_configuration_is_valid(compose_settings: Compose) -> None:
    assert problems(compose_settings()) == []


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_valid(compose_settings: Compose, option: str) -> None:
    assert problems(compose_settings(option, *NEEDS.get(option, []))) == []


@pytest.mark.parametrize("data", ["mnist", "fashion"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_is_valid_with_both_sets(compose_settings: Compose, experiment: str, data: str) -> None:
    assert problems(compose_settings(f"experiment={experiment}", f"data={data}")) == []


def test_every_data_set_and_every_sample_has_its_option() -> None:
    found = {option for option in OPTIONS if option.startswith("data=")}
    assert found == {f"data={name}" for name in (*NAMES, "custom")}


def test_a_precision_that_lightning_does_not_know(compose_settings: Compose) -> None:
    (told,) = problems(compose_settings("trainer.precision=nonsense"))
    assert told.startswith("trainer.precision: 'nonsense' given, ")
    assert told.endswith(" expected")
    assert {"32-true", "bf16-mixed", "16-mixed"} <= set(told.replace(",", "").split())


@pytest.mark.parametrize("name", ["32-true", "bf16-mixed", "16-mixed"])
def test_precisions(compose_settings: Compose, name: str) -> None:
    assert problems(compose_settings(f"trainer.precision={name}")) == []


@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer.max_epochs=-1", "trainer.max_steps=100"],
        ["trainer.devices=2"],
        ["trainer.devices=auto"],
        ["trainer.devices=[0,1]"],
        ["trainer.strategy=ddp"],
        ["trainer.limit_train_batches=100"],
        ["+trainer.accumulate_grad_batches=1"],
        ["callbacks.samples=null"],
        ["optimizer.discriminator.lr=4e-4"],
        ["optimizer.betas=[0,0.99]"],
        ["+optimizer.generator.betas=[0,1e-1]"],
        ["+optimizer.generator.weight_decay=0.1"],
        ["optimizer._target_=torch.optim.SGD", "~optimizer.betas", "+optimizer.momentum=0.5"],
        ["objective.real_target=1"],
        ["data.mean=0", "data.std=1"],
        ["model.generator.hidden=[8]"],
        ["seed=4294967295"],
    ],
    ids=" ".join,
)
def test_what_is_unusual_and_right_passes(compose_settings: Compose, overrides: list[str]) -> None:
    assert problems(compose_settings(*overrides)) == []


def test_validating_changes_nothing(compose_settings: Compose) -> None:
    settings = compose_settings("experiment=slides_mnist")
    before = copy.deepcopy(settings)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    validate(settings)
    assert settings == before
    assert torch.equal(torch.get_rng_state(), state)
