"""The options of conf/ and their classes, for tests of all of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from gan.config.kinds import find
from gan.game.losses import Objective
from gan.game.networks import GENERATORS, Discriminator, Generator

CONF = Path(__file__).parents[1] / "conf"
GROUPS = ("data", "model", "objective", "penalty", "augmentation", "lr_schedule", "schedule", "ema")  # of our classes


def options(group: str) -> list[str]:
    """The names of the options of a group, without `data=custom`, whose class the user gives."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml") if (group, path.stem) != ("data", "custom"))


def option_file(group: str, option: str) -> dict[str, Any]:
    """The node in an option file, with what it takes over from another option."""
    node = yaml.safe_load((CONF / group / f"{option}.yaml").read_text(encoding="utf-8"))
    inherited: dict[str, Any] = {}
    for other in node.pop("defaults", []):
        inherited |= option_file(group, other)
    return inherited | node


def option_class(group: str, option: str, network: str | None = None) -> Callable[..., Any]:
    """The class of an option, or of one of its networks."""
    node = option_file(group, option)
    return find((node if network is None else node[network])["_target_"])


def option_classes(group: str) -> dict[str, Callable[..., Any]]:
    """The classes of all options of a group; for "none" a function that returns None."""
    return {option: option_class(group, option) for option in options(group)}


FAMILIES = tuple(GENERATORS)
OBJECTIVES: dict[str, Objective] = {name: made() for name, made in option_classes("objective").items()}
PENALTIES = option_classes("penalty")
LR_SCHEDULES = option_classes("lr_schedule")


def build_generator(family: str, **settings: Any) -> Generator:
    """The generator of `model=family`."""
    built: Generator = GENERATORS[family](**settings)
    return built


def build_discriminator(family: str, **settings: Any) -> Discriminator:
    """The discriminator of `model=family`."""
    built: Discriminator = option_class("model", family, "discriminator")(**settings)
    return built
