"""Check of monitored metrics: early stopping and checkpoints may only monitor what the run logs."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import lightning.pytorch as L

from gan.config.kinds import locate
from gan.data.module import ImageData
from gan.data.registry import TOY_DISTRIBUTIONS
from gan.game.augmentation import AdaptiveAugmentation
from gan.game.losses import Objective
from gan.runs.series import EPOCH, QUALITY, SERIES, TRAIN
from gan.system.errors import ConfigError, unknown_name
from gan.system.value_types import hints_of
from gan.training.callbacks import BestCheckpoint, GameMonitor, QualityMonitor
from gan.training.callbacks.quality import why_unmeasured

Settings = Mapping[str, Any]

LOOKING = (L.callbacks.EarlyStopping, L.callbacks.ModelCheckpoint, BestCheckpoint)


def check_monitors(settings: Settings, data: ImageData) -> None:
    """Check that the run logs the metric that each callback monitors.

    Raises:
        ConfigError: a callback monitors another name; the message lists the valid names.
    """
    if problems := list(_problems(settings, data)):
        raise ConfigError("\n".join(problems))


def logged_names(settings: Settings, data: ImageData) -> list[str]:
    """Return the names that a run on ``data`` (set up) puts into ``trainer.callback_metrics``."""
    logged = [EPOCH, TRAIN] if _has(settings, GameMonitor) else []
    logged += [QUALITY] if _has(settings, QualityMonitor) and not why_unmeasured(data) else []
    conditions = set(_conditions(settings, data))
    names = [series.name for series in SERIES if series.name.startswith(tuple(logged)) and series.when in conditions]
    if _has(settings, L.callbacks.LearningRateMonitor):
        name = settings["optimizer"]["_target_"].rpartition(".")[2]
        names += [f"lr-{name}", f"lr-{name}-1"]
    return names


def _problems(settings: Settings, data: ImageData) -> Iterator[str]:
    names = logged_names(settings, data)
    for path, node in settings["callbacks"].items():
        monitor, called = (node or {}).get("monitor"), _class(node)
        if monitor is None or not issubclass(called, LOOKING):
            continue
        if any(str(monitor) == name or str(monitor).startswith(f"{name}_") for name in _own_metrics(settings)):
            continue
        allowed = [*names, *(("epoch", "step") if issubclass(called, L.callbacks.ModelCheckpoint) else ())]
        if monitor not in allowed:
            why = why_unmeasured(data) if str(monitor).startswith(QUALITY) else ""
            yield unknown_name(f"callbacks.{path}.monitor", str(monitor), allowed) + (f"; {why}" if why else "")


def _conditions(settings: Settings, data: ImageData) -> Iterator[str]:
    """Yield the conditions (`Series.when`) that are true for a run with these settings."""
    objective, penalty, augmentation = (_class(settings[group]) for group in ("objective", "penalty", "augmentation"))
    boundary = getattr(objective, "boundary", Objective.boundary)
    codes = settings["model"].get("codes", {})
    model = settings["model"]
    asked = model["generator"].get("conditioning", "none") != "none" and data.image_shape[0] == 1
    asked = asked and not model.get("clusters")
    kind = "points" if data.loaded.name in TOY_DISTRIBUTIONS else "images"
    yield from ("", kind, "pairs" if boundary is None else "boundary")
    yield "log odds" if getattr(objective, "logistic", Objective.logistic) else "no log odds"
    conditions = {
        "images of classes": kind == "images" and asked,
        "penalty": getattr(penalty, "in_loss", False),
        "adaptive augmentation": issubclass(augmentation, AdaptiveAugmentation),
        "auxiliary classifier": settings["model"]["discriminator"].get("conditioning")
        in ("auxiliary", "projection_twin"),
        "codes": codes.get("categorical") or codes.get("continuous"),
    }
    yield from (name for name, holds in conditions.items() if holds)


def _own_metrics(settings: Settings) -> Iterator[str]:
    """Yield the names of the user's own metrics, as they are logged; one with several values has more than one name."""
    for node in settings["callbacks"].values():
        if issubclass(_class(node), QualityMonitor):
            yield from (QUALITY + name for name in (node.get("metrics") or {}))


def _has(settings: Settings, kind: type) -> bool:
    return any(issubclass(_class(node), kind) for node in settings["callbacks"].values())


def _class(node: Any) -> type:
    """Return the class that a validated node makes; ``object`` if the node is empty."""
    found = locate(node["_target_"]) if node else None
    made = hints_of(found).get("return") if inspect.isroutine(found) else found
    return made if isinstance(made, type) else object
