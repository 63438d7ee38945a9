"""Objectives of a search: the names in run.json's `ended`, and which of them a run with these settings will have."""

from collections.abc import Mapping
from typing import Any

from gan.data.registry import TOY_DISTRIBUTIONS
from gan.runs.series import QUALITY, SERIES
from gan.system.errors import ConfigError, unknown_name

COUNTS = ("seconds", "epochs", "g_updates", "d_updates", "images_seen")
MEASURES = {series.name.removeprefix(QUALITY): series for series in SERIES if series.name.startswith(QUALITY)}
OF_POINTS = [name for name, series in MEASURES.items() if series.when == "points"]
OF_IMAGES = [name for name in MEASURES if name not in OF_POINTS]
DIRECTIONS = ("minimize", "maximize")
PATH = "hydra.sweeper.objectives"


def in_full(objectives: Mapping[str, str]) -> dict[str, str]:
    """The objectives by their names in run.json: quality/fcd for fcd, because a key in Hydra has no slash."""
    return {name if name in COUNTS or "/" in name else QUALITY + name: way for name, way in objectives.items()}


def check_directions(objectives: Mapping[str, str]) -> None:
    """Raise a ConfigError if there is no objective, or one of them is neither to be minimized nor maximized."""
    if not objectives:
        raise ConfigError(f"{PATH}: none given; for example {{fcd: minimize}} expected")
    for name, direction in objectives.items():
        if direction not in DIRECTIONS:
            raise ConfigError(unknown_name(f"{PATH}.{name.removeprefix(QUALITY)}", str(direction), DIRECTIONS))


def check_names(objectives: Mapping[str, str], settings: Mapping[str, Any], *, any_data: bool, prune: bool) -> None:
    """Check, before the first run, that runs with these settings will measure the objectives.

    Args:
        objectives: each with its direction, their names in full.
        settings: of the runs, as far as they are the same in all.
        any_data: they are of different data.
        prune: runs are ended early by the measure.

    Raises:
        ConfigError: there is no such name, or it is not measured in these runs, or not while they train.
    """
    data = settings.get("data") or {}
    of_points = isinstance(data, Mapping) and data.get("name") in TOY_DISTRIBUTIONS
    there = (*OF_IMAGES, *OF_POINTS) if any_data else OF_POINTS if of_points else OF_IMAGES
    callbacks = settings.get("callbacks") or {}
    is_measured = isinstance(callbacks, Mapping) and bool(callbacks.get("quality"))
    for name in (name.removeprefix(QUALITY) for name in objectives):
        if name not in (*COUNTS, *there):
            raise ConfigError(unknown_name(PATH, name, (*COUNTS, *there)))
        if name in there and not is_measured:
            raise ConfigError(f"{PATH}: {name} given, which is not measured, because callbacks.quality is null")
        if prune and name in COUNTS:
            raise ConfigError(
                f"hydra.sweeper.prune: true given, but the objective {name} is known only at the end of a run; false, "
                f"or one of these objectives expected: {', '.join(there)}"
            )
