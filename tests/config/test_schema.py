"""The schemas say what the code takes and what conf/ gives: no setting in one of them alone."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gan.config import schema
from gan.data.module import ImageData
from gan.data.registry import NAMES
from gan.data.sources import ON_MISSING
from gan.game.augmentation import AUGMENTATIONS, InstanceNoise
from gan.game.ema import EMAS
from gan.game.latents import PRIORS
from gan.game.learning_rates import LR_SCHEDULES
from gan.game.losses import OBJECTIVES, AuxiliaryWeights, build_objective
from gan.game.networks import FAMILIES
from gan.game.networks.discriminator import CONDITIONINGS, Discriminator
from gan.game.networks.layers import ACTIVATIONS
from gan.game.penalties import PENALTIES
from gan.game.schedules import SCHEDULES, AlternatingEpochs, Steps

CONF = Path(__file__).parents[2] / "conf"
REQUIRED = inspect.Parameter.empty


def fields(of: type) -> dict[str, Any]:
    """Settings of a schema: name -> default, or REQUIRED."""
    known = {}
    for field in dataclasses.fields(of):
        if field.default_factory is not dataclasses.MISSING:
            known[field.name] = field.default_factory()
        else:
            known[field.name] = REQUIRED if field.default is dataclasses.MISSING else field.default
    return known


def arguments(of: Callable[..., Any]) -> dict[str, Any]:
    """Arguments of a constructor or function: name -> default, or REQUIRED."""
    return {name: parameter.default for name, parameter in inspect.signature(of).parameters.items()}


def without(known: dict[str, Any], *names: str) -> dict[str, Any]:
    assert set(names) <= set(known)
    return {name: default for name, default in known.items() if name not in names}


def choices(of: type, name: str) -> tuple[str, ...]:
    (field,) = (field for field in dataclasses.fields(of) if field.name == name)
    found: tuple[str, ...] = field.metadata["choices"]
    return found


def test_data_settings_are_those_of_image_data_and_their_defaults_too() -> None:
    # the seed is the run's, and ImageData gets the whole minibatch
    assert without(fields(schema.data.FolderConfig), "batch_size_of") == without(arguments(ImageData), "seed")


@pytest.mark.parametrize("family", FAMILIES)
def test_settings_of_a_family_are_those_of_its_constructors(family: str) -> None:
    generator, trunk = FAMILIES[family]
    hints = typing.get_type_hints(schema.NODES["model"][family])
    of_all = {"conditioning", "spectral_norm"} if trunk.allows_spectral_norm else {"conditioning"}
    assert of_all <= set(arguments(Discriminator))
    of_generator = without(arguments(generator), "latent_dim", "image_shape", "num_classes")
    assert set(fields(hints["generator"])) == set(of_generator)
    assert set(fields(hints["discriminator"])) == {*without(arguments(trunk), "image_shape"), *of_all}


def test_schedules_settings_are_those_of_their_classes_and_their_defaults_too() -> None:
    assert without(fields(schema.game.StepsConfig), "name") == arguments(Steps)
    assert without(fields(schema.game.AlternatingEpochsConfig), "name") == arguments(AlternatingEpochs)


@pytest.mark.parametrize(
    ("schemas", "classes"),
    [(schema.NODES["penalty"], PENALTIES), (schema.NODES["lr_schedule"], LR_SCHEDULES), (schema.NODES["ema"], EMAS)],
    ids=["penalty", "lr_schedule", "ema"],
)
def test_settings_of_what_is_chosen_by_name_are_its_arguments_with_their_defaults(
    schemas: dict[str, type], classes: dict[str, Callable[..., Any]]
) -> None:
    for name, of in classes.items():
        taken = {key: default for key, default in arguments(of).items() if default is not REQUIRED}
        assert plain(without(fields(schemas[name]), "name")) == plain(taken), name


def plain(known: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}


def test_objective_settings_are_those_of_the_objective_and_of_the_game() -> None:
    known = fields(schema.objectives.ObjectiveConfig)
    of_the_game = set(known) - set(arguments(build_objective))
    assert of_the_game == {"instance_noise", "instance_noise_images", "class_weight", "information_weight"}
    noise = {"instance_noise": 0.0, "instance_noise_images": arguments(InstanceNoise)["images"]}
    taken = noise | arguments(AuxiliaryWeights) | arguments(build_objective)
    assert known == {name: taken[name] for name in known}


@pytest.mark.parametrize("family", FAMILIES)
def test_model_settings_are_the_latents_and_the_two_networks(family: str) -> None:
    known = fields(schema.NODES["model"][family])
    assert set(known) == {"name", "generator", "discriminator", "latent_dim", "prior", "codes", "compile"}
    assert fields(schema.models.CodesConfig) == {"categorical": [], "continuous": 0}


def test_every_registry_has_a_schema_for_each_of_its_names() -> None:
    registries = {
        "data": NAMES,
        "model": FAMILIES,
        "objective": OBJECTIVES,
        "penalty": PENALTIES,
        "augmentation": AUGMENTATIONS,
        "lr_schedule": LR_SCHEDULES,
        "schedule": SCHEDULES,
        "ema": EMAS,
    }
    assert {group: list(schemas) for group, schemas in schema.NODES.items()} == {
        group: list(names) for group, names in registries.items()
    }


def test_choices_are_those_of_the_code() -> None:
    assert set(choices(schema.objectives.ObjectiveConfig, "name")) == set(OBJECTIVES)
    assert set(choices(schema.models.MLPConfig, "prior")) == set(PRIORS)
    assert set(choices(schema.models.MLPNetworkConfig, "activation")) == set(ACTIVATIONS)
    assert set(choices(schema.data.DataConfig, "on_missing")) == set(ON_MISSING)
    assert set(choices(schema.models.R3GANDiscriminatorConfig, "conditioning")) == set(CONDITIONINGS)


@pytest.mark.parametrize(
    "of",
    [of for schemas in schema.NODES.values() for of in dict.fromkeys(schemas.values())],
    ids=lambda of: of.__name__,
)
def test_every_setting_says_what_it_means_and_a_check_says_what_it_allows(of: type) -> None:
    for field in dataclasses.fields(of):
        assert field.metadata["meaning"], field.name
        assert (field.metadata["check"] is None) == (field.metadata["allowed"] == ""), field.name
        if field.metadata["check"] is not None and field.default is not dataclasses.MISSING:
            assert field.metadata["check"](field.default), field.name
        if field.metadata["choices"] and field.default is not dataclasses.MISSING:
            assert field.default in field.metadata["choices"], field.name


# conf/: each option file of our nodes, read as it stands, with what it takes over from another


def option_file(group: str, option: str) -> dict[str, Any]:
    node = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
    inherited: dict[str, Any] = {}
    for other in node.pop("defaults", []):
        inherited |= option_file(group, other)
    return inherited | node


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("option", options("data"))
def test_a_data_file_has_exactly_the_settings_of_the_schema(option: str) -> None:
    node = option_file("data", option)
    assert set(node) == set(fields(schema.NODES["data"][option]))
    assert node["name"] == option
    assert option in NAMES


@pytest.mark.parametrize("option", options("model"))
def test_a_model_file_has_exactly_the_settings_of_the_schema(option: str) -> None:
    node = option_file("model", option)
    assert node["name"] == option
    assert set(node) == set(fields(schema.NODES["model"][option]))
    networks = {field.name: field.type for field in dataclasses.fields(schema.NODES["model"][option])}
    for network in ("generator", "discriminator"):
        of = networks[network]
        assert isinstance(of, type)
        assert set(node[network]) == set(fields(of))


@pytest.mark.parametrize("option", options("objective"))
def test_an_objective_file_has_exactly_the_settings_of_the_schema(option: str) -> None:
    node = option_file("objective", option)
    assert set(node) == set(fields(schema.objectives.ObjectiveConfig))
    assert node["name"] == option


@pytest.mark.parametrize(
    ("group", "option"),
    [
        (group, option)
        for group in ("schedule", "penalty", "augmentation", "lr_schedule", "ema")
        for option in options(group)
    ],
)
def test_an_option_file_has_exactly_the_settings_of_the_schema(group: str, option: str) -> None:
    node = option_file(group, option)
    assert set(node) == set(fields(schema.NODES[group][option]))
    assert node["name"] == option


@pytest.mark.parametrize("group", schema.NODES)
def test_every_name_of_a_registry_has_its_option_file(group: str) -> None:
    assert options(group) == sorted(schema.NODES[group])


@pytest.mark.parametrize(
    ("group", "option", "of"),
    [
        ("data", "mnist", schema.data.DataConfig),
        ("objective", "non_saturating", schema.objectives.ObjectiveConfig),
        ("schedule", "steps", schema.game.StepsConfig),
        ("schedule", "alternating_epochs", schema.game.AlternatingEpochsConfig),
        *(("penalty", name, of) for name, of in schema.NODES["penalty"].items()),
        *(("augmentation", name, of) for name, of in schema.NODES["augmentation"].items()),
        *(("lr_schedule", name, of) for name, of in schema.NODES["lr_schedule"].items()),
        *(("ema", name, of) for name, of in schema.NODES["ema"].items()),
        ("model", "mlp", schema.models.MLPConfig),
    ],
)
def test_defaults_of_the_schema_are_those_of_the_option_file(group: str, option: str, of: type) -> None:
    node = option_file(group, option)
    defaults = {name: default for name, default in fields(of).items() if default is not REQUIRED}
    if group == "data":
        assert node["root"] == f"${{oc.env:GAN_DATA,{defaults.pop('root')}}}"
    assert {name: node[name] for name in defaults} == defaults
