"""An option file of conf/ has exactly the settings of its class, each with a type, a range and a meaning."""

import ast
import contextlib
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import yaml
from option_classes import CONF, GROUPS, option_file, options

from gan.config.kinds import GIVEN, MAY_BE_NONE, NONE, find, is_a, kind
from gan.config.option_names import option_name, options_by_target
from gan.config.options.signatures import arguments_of
from gan.data.registry import NAMES
from gan.data.sources import ON_MISSING
from gan.game.augmentation import OPERATIONS, DiffAugment, InstanceNoise
from gan.game.latents import PRIORS, CodeSizes
from gan.game.learning_rates import NETWORKS, Linear
from gan.game.losses import AuxiliaryLosses
from gan.game.networks import GENERATORS, MLPGenerator, Networks, discriminator, generator
from gan.game.networks.layers import ACTIVATIONS, NORMALIZATIONS
from gan.system.ranges import Length, OneOf, Range, SomeOf
from gan.system.value_types import allowed, choices_of, expected, hints_of, matches, parameters_of, problem

NESTED = {"model": ("generator", "discriminator", "codes"), "game": ("instance_noise", "auxiliary_losses")}
# Nodes that are no group of their own.
INNER = {"codes": CodeSizes, "instance_noise": InstanceNoise, "auxiliary_losses": AuxiliaryLosses}
EMPTY = inspect.Parameter.empty
# Settings whose value in the option file is not the default of the class.
OTHER_VALUES = {
    "model=mlp": ("generator.hidden", "discriminator.hidden", "discriminator.dropout"),  # those of the tutorials
    **dict.fromkeys(("data=folder", "data=array"), ("root",)),  # ${oc.env:GAN_DATA,data}
    "data=torchvision": ("root", "on_missing"),
}
ANY_NUMBER = ("mean",)  # a number without a range
# Settings of `data` that only some options have in their file.
FORM = {"fit", "held_out"}
OF_ANY_IMAGES = {
    "data=folder": {*FORM, "on_broken", "class_order"},
    "data=array": {*FORM, "file"},
    "data=torchvision": {*FORM, "dataset"},
}


@dataclass(frozen=True)
class Place:
    """A node of an option file, or of config.yaml.

    Attributes:
        option: the option, as typed.
        group: the key of its kind in ``KINDS``.
        keys: the place of the node in the file.
    """

    option: str
    group: str
    keys: tuple[str, ...] = ()

    @property
    def node(self) -> dict[str, Any]:
        group, _, name = self.option.partition("=")
        node = option_file(group, name) if name else yaml.safe_load((CONF / "config.yaml").read_text())[group]
        for key in self.keys:
            node = node[key]
        return typing.cast(dict[str, Any], node)

    @property
    def of(self) -> Callable[..., Any]:
        return find(self.node["_target_"])

    @property
    def settings(self) -> list[str]:
        """The settings of the class that are not nodes of their own."""
        given = (*INNER, *GIVEN.get(self.group, ()))
        return [name for name in parameters_of(self.of) if name not in given]

    def __str__(self) -> str:
        return ".".join((self.option, *self.keys))


def places() -> Iterator[Place]:
    for group in GROUPS:
        for option in options(group):
            yield Place(f"{group}={option}", group)
            for key in NESTED.get(group, ()):
                yield Place(f"{group}={option}", f"{group}.{key}", (key,))
    yield Place("game", "game")
    yield from (Place("game", f"game.{key}", (key,)) for key in NESTED["game"])


PLACES = list(places())
EVERY = pytest.mark.parametrize("place", PLACES, ids=str)
# One node for each class: what follows from the class alone is the same for all option files that name it.
OF_CLASSES = list({place.node["_target_"]: place for place in PLACES if place.node["_target_"] != NONE}.values())
EVERY_CLASS = pytest.mark.parametrize("place", OF_CLASSES, ids=lambda place: place.node["_target_"])


def plain(value: Any) -> Any:
    """A default as it is written in a file."""
    return list(value) if isinstance(value, tuple) else value


# The file and the class


@EVERY
def test_the_class_is_one_of_the_groups_kind(place: Place) -> None:
    if place.node["_target_"] == NONE:
        assert place.group in MAY_BE_NONE
        assert place.option.endswith("=none")
        return
    assert isinstance(place.of, type)
    assert is_a(place.of, [INNER[place.keys[0]] if place.keys and place.keys[0] in INNER else kind(place.group)])


@EVERY
def test_the_file_has_exactly_the_settings_of_the_class(place: Place) -> None:
    if place.node["_target_"] == NONE:
        assert set(place.node) == {"_target_"}
        return
    inner = set(NESTED.get(place.group, ()))
    of_class = {*place.settings, *inner, "_target_"}
    if place.group == "data":
        of_class -= set().union(*OF_ANY_IMAGES.values()) - OF_ANY_IMAGES.get(place.option, set())
    assert set(place.node) == of_class


@pytest.mark.parametrize("group", [group for group in GROUPS if group != "data"])
def test_an_option_is_known_by_its_class(group: str) -> None:
    for option in options(group):
        assert option_name(group, option_file(group, option)) == option
    assert sorted(options_by_target(group).values()) == options(group)


def test_data_sets_and_families_have_an_option_each() -> None:
    assert options("data") == sorted(NAMES)
    assert options("model") == sorted(GENERATORS)
    for option in options("data"):
        assert option_file("data", option)["name"] == option


# Each setting


@EVERY_CLASS
def test_a_setting_has_a_type_and_says_what_it_means(place: Place) -> None:
    hints, read = hints_of(place.of), arguments_of(place.node["_target_"])
    for name in place.settings:
        assert hints[name] is not Any, name
        assert read[name].meaning, name


@EVERY_CLASS
def test_what_is_read_from_the_source_is_what_python_sees(place: Place) -> None:
    """`gan options` reads the classes without importing torch."""
    hints, read, seen = hints_of(place.of), arguments_of(place.node["_target_"]), parameters_of(place.of)
    assert set(read) == set(seen)
    for name in place.settings:
        assert (read[name].default is None) == (seen[name].default is EMPTY), name
        assert read[name].allowed == allowed(hints[name]), name
        assert read[name].type.removeprefix("one of ") == expected(None, hints[name]).removeprefix("one of "), name
        written = read[name].default
        if written is None:
            continue
        with contextlib.suppress(ValueError):  # a name, as NETWORKS
            assert ast.literal_eval(written) == seen[name].default, name


@EVERY
def test_the_default_and_the_value_in_the_file_are_allowed(place: Place) -> None:
    if place.node["_target_"] == NONE:
        return
    hints, parameters = hints_of(place.of), parameters_of(place.of)
    for name in place.settings:
        default = parameters[name].default
        if default is not EMPTY:
            assert problem(name, plain(default), hints[name]) is None
            assert problem(name, default, hints[name]) is None
        if name in place.node:
            assert problem(name, place.node[name], hints[name]) is None


@pytest.mark.parametrize(
    "place", [place for place in PLACES if place.group != "data" or place.option in OF_ANY_IMAGES], ids=str
)
def test_the_default_of_the_class_is_the_value_in_the_file(place: Place) -> None:
    for name in [] if place.node["_target_"] == NONE else place.settings:
        default, path = parameters_of(place.of)[name].default, ".".join((*place.keys, name))
        if default is EMPTY:
            assert path == "name", path
        elif name not in place.node:  # a setting of other images
            assert any(name in names for names in OF_ANY_IMAGES.values()), path
        else:
            is_same = plain(default) == place.node[name]
            assert is_same == (path not in OTHER_VALUES.get(place.option, ())), path


def test_the_data_folder_is_that_of_the_class_unless_the_environment_has_another() -> None:
    root = parameters_of(find("gan.ImageData"))["root"].default
    assert option_file("data", "mnist")["root"] == f"${{oc.env:GAN_DATA,{root}}}"


# Values just outside a range


def outside(hint: Any) -> Iterator[Any]:
    """Values of the right type just outside a hint's range, and words and lists that it does not allow."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        for rule in arguments[1:]:
            yield from _outside_rule(rule, matches(1, arguments[0]) and not matches(0.5, arguments[0]))
        yield from outside(arguments[0])
    elif origin is typing.Literal:
        yield from ("", "no such thing", arguments[0].upper() if isinstance(arguments[0], str) else 7)
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from outside(argument)
    elif origin in (list, Sequence):
        yield from ([wrong] for wrong in outside(arguments[0]))


def _outside_rule(rule: Any, whole: bool) -> Iterator[Any]:
    step = 1 if whole else 1e-9
    if isinstance(rule, Range):
        yield from (limit for limit in (rule.above, rule.below) if limit is not None)
        yield from (limit - step for limit in (rule.least,) if limit is not None)
        yield from (limit + step for limit in (rule.most,) if limit is not None)
    elif isinstance(rule, Length):
        yield from ([1] * length for length in (rule.least - 1, rule.most + 1))
    elif isinstance(rule, OneOf):
        yield from ("", "no such thing")
    elif isinstance(rule, SomeOf):
        yield from ([], ["no such thing"], [rule.choices[0]] * 2)


def inside(hint: Any) -> Iterator[Any]:
    """The limits of a hint's range that are allowed themselves."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        for rule in arguments[1:]:
            if isinstance(rule, Range):
                yield from (limit for limit in (rule.least, rule.most) if limit is not None)
            elif isinstance(rule, Length):
                yield from ([1] * length for length in (rule.least, rule.most))
            elif isinstance(rule, OneOf):
                yield from rule.choices
            elif isinstance(rule, SomeOf):
                yield from ([*rule.choices], [*reversed(rule.choices)], [rule.choices[-1]])
    elif origin is typing.Literal:
        yield from arguments
    elif origin in (typing.Union, types.UnionType):
        yield from (value for argument in arguments for value in inside(argument))
    elif origin in (list, Sequence):
        yield from ([value] for value in inside(arguments[0]))
    elif hint is type(None):
        yield None


@EVERY_CLASS
def test_values_just_outside_a_range_are_refused_and_its_limits_are_allowed(place: Place) -> None:
    hints = hints_of(place.of)
    wrong: Any
    for name in place.settings:
        path, hint = f"{place.group}.{name}", hints[name]
        for value in inside(hint):
            assert problem(path, value, hint) is None, (path, value)
        for wrong in (*outside(hint), {}, [[]], float("nan")):
            told = problem(path, wrong, hint)
            assert told is not None, (path, wrong)
            word = wrong[0] if isinstance(wrong, list) and len(wrong) == 1 else wrong
            assert told.startswith((f"{path}: {wrong!r} given, ", f"{path}: no such option '{word}'")), told


@EVERY_CLASS
def test_a_number_has_a_range(place: Place) -> None:
    hints = hints_of(place.of)
    for name in place.settings:
        is_number = matches(2, hints[name]) or matches([2], hints[name])
        assert not is_number or (allowed(hints[name]) != "") == (name not in ANY_NUMBER), name


# Words that the code knows elsewhere too


def test_choices_are_those_of_the_code() -> None:
    of_networks = hints_of(Networks)
    assert set(choices_of(of_networks["prior"])) == set(PRIORS)
    assert set(choices_of(hints_of(MLPGenerator)["activation"])) == set(ACTIVATIONS)
    assert set(choices_of(hints_of(MLPGenerator)["conditioning"])) == set(generator.CONDITIONINGS)
    assert set(choices_of(hints_of(discriminator.Discriminator)["conditioning"])) == set(discriminator.CONDITIONINGS)
    for place in PLACES:
        if place.group in ("model.generator", "model.discriminator") and "normalization" in place.settings:
            assert set(choices_of(hints_of(place.of)["normalization"])) <= set(NORMALIZATIONS)
    policy, networks = hints_of(DiffAugment)["policy"], hints_of(Linear)["networks"]
    assert typing.get_args(policy)[1] == SomeOf(tuple(OPERATIONS))
    assert typing.get_args(networks)[1] == SomeOf(NETWORKS)


def test_choices_of_data_are_those_of_the_code() -> None:
    assert set(choices_of(hints_of(find("gan.ImageData"))["on_missing"])) == set(ON_MISSING)
