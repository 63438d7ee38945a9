"""Objectives of a search: names in run.json's `ended`, and the check that runs with these settings measure them."""

from collections.abc import Mapping
from typing import Any

from gan.data.registry import TOY_DISTRIBUTIONS
from gan.system.errors import ConfigError, unknown_name

COUNTS = ("seconds", "epochs", "g_updates", "d_updates", "images_seen")
QUALITY = "quality/"  # prefix of quality metrics; users can omit it, because Hydra allows no slash in a key
OF_IMAGES = (
    "fcd",
    "fcd_autoencoder",
    "precision",
    "recall",
    "density",
    "coverage",
    "kl_uniform",
    "missing",
    "label_accuracy",
)
OF_POINTS = ("modes", "good_points")
DIRECTIONS = ("minimize", "maximize")
PATH = "hydra.sweeper.objectives"


def in_full(objectives: Mapping[str, str]) -> dict[str, str]:
    """Return the objectives with their full names as in run.json: quality/fcd for fcd."""
    return {name if name in COUNTS or "/" in name else QUALITY + name: way for name, way in objectives.items()}


def check_directions(objectives: Mapping[str, str]) -> None:
    """Raise a ConfigError if there is no objective, or a direction is neither minimize nor maximize."""
    if not objectives:
        raise ConfigError(f"{PATH}: none given; such as {{fcd: minimize}} expected")
    for name, direction in objectives.items():
        if direction not in DIRECTIONS:
            raise ConfigError(unknown_name(f"{PATH}.{name.removeprefix(QUALITY)}", str(direction), DIRECTIONS))


def check_names(objectives: Mapping[str, str], settings: Mapping[str, Any], *, any_data: bool, prune: bool) -> None:
    """Check, before the first run, that runs with these settings measure the objectives.

    Args:
        objectives: full names, each with its direction.
        settings: settings that all runs have in common.
        any_data: the runs use different datasets.
        prune: the objective is used to prune runs.

    Raises:
        ConfigError: a name does not exist, or these runs do not measure it, or, to prune, not during training.
    """
    data = settings.get("data") or {}
    of_jobs = isinstance(data, Mapping) and data.get("name") in TOY_DISTRIBUTIONS
    there = (*OF_IMAGES, *OF_POINTS) if any_data else OF_POINTS if of_jobs else OF_IMAGES
    callbacks = settings.get("callbacks") or {}
    is_measured = isinstance(callbacks, Mapping) and bool(callbacks.get("quality"))
    for name in (name.removeprefix(QUALITY) for name in objectives):
        if name not in (*COUNTS, *there):
            raise ConfigError(unknown_name(PATH, name, (*COUNTS, *there)))
        if name in there and not is_measured:
            raise ConfigError(f"{PATH}: {name} given, which nothing measures: callbacks.quality is left out")
        if prune and name in COUNTS:
            raise ConfigError(
                f"hydra.sweeper.prune: true given, and {name} is to be minimized or maximized, which is known at the "
                f"end alone; false, or one of {', '.join(there)} expected"
            )
