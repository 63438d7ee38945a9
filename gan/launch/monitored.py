"""Check of monitored metrics: early stopping and checkpoints may only monitor what the run logs."""

from collections.abc import Iterator, Mapping
from typing import Any

import lightning.pytorch as L

from gan.config.kinds import locate
from gan.data.module import ImageData
from gan.data.registry import TOY_DISTRIBUTIONS
from gan.game.losses import OBJECTIVES
from gan.runs.series import EPOCH, QUALITY, SERIES, TRAIN
from gan.system.errors import ConfigError, unknown_name
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
        allowed = [*names, *(("epoch", "step") if issubclass(called, L.callbacks.ModelCheckpoint) else ())]
        if monitor not in allowed:
            why = why_unmeasured(data) if str(monitor).startswith(QUALITY) else ""
            yield unknown_name(f"callbacks.{path}.monitor", str(monitor), allowed) + (f"; {why}" if why else "")


def _conditions(settings: Settings, data: ImageData) -> Iterator[str]:
    """Yield the conditions (`Series.when`) that are true for a run with these settings."""
    objective, codes = OBJECTIVES[settings["objective"]["name"]], settings["model"]["codes"]
    asked = settings["model"]["generator"].get("conditioning", "none") != "none" and data.image_shape[0] == 1
    kind = "points" if data.loaded.name in TOY_DISTRIBUTIONS else "images"
    yield from ("", kind, "pairs" if objective.boundary is None else "boundary")
    yield "log odds" if objective.logistic else "no log odds"
    conditions = {
        "images of classes": kind == "images" and asked,
        "penalty": settings["penalty"]["name"] not in ("none", "clipping"),
        "adaptive augmentation": settings["augmentation"]["name"] == "adaptive",
        "auxiliary classifier": settings["model"]["discriminator"].get("conditioning") == "auxiliary",
        "codes": codes["categorical"] or codes["continuous"],
    }
    yield from (name for name, holds in conditions.items() if holds)


def _has(settings: Settings, kind: type) -> bool:
    return any(issubclass(_class(node), kind) for node in settings["callbacks"].values())


def _class(node: Any) -> type:
    """Return the class of a validated callback node; ``object`` if the node is empty."""
    found = locate(node["_target_"]) if node else None
    return found if isinstance(found, type) else object
