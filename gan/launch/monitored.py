"""The names that early stopping and checkpoints may monitor: those that a run with these settings logs."""

from collections.abc import Iterator, Mapping
from typing import Any

import lightning.pytorch as L
import torch

from gan.config.kinds import locate
from gan.data.module import ImageData
from gan.data.registry import TOY_DISTRIBUTIONS
from gan.game.losses import OBJECTIVES
from gan.game.statistics import discriminator_statistics
from gan.system.errors import ConfigError, unknown_name
from gan.training.callbacks import BestCheckpoint, GameMonitor, QualityMonitor
from gan.training.callbacks.quality import why_unmeasured

Settings = Mapping[str, Any]

ALWAYS = ("d_loss", "g_loss", "d_gradient_norm", "g_gradient_norm", "d_lr", "g_lr", "images_per_second")
OF_POINTS = ("modes", "good_points")
OF_IMAGES = ("fcd", "fcd_autoencoder", "precision", "recall", "density", "coverage", "kl_uniform", "missing")
LOOKING = (L.callbacks.EarlyStopping, L.callbacks.ModelCheckpoint, BestCheckpoint)


def check_monitors(settings: Settings, data: ImageData) -> None:
    """Will what each callback monitors be logged?

    Raises:
        ConfigError: with the names that will be, for each callback that monitors another one.
    """
    if problems := list(_problems(settings, data)):
        raise ConfigError("\n".join(problems))


def logged_names(settings: Settings, data: ImageData) -> list[str]:
    """What is in ``trainer.callback_metrics`` in the course of a run on ``data``, which has been set up."""
    names = []
    if _has(settings, GameMonitor):
        names += [f"epoch/{loss}{last}" for loss in ("d_loss", "g_loss") for last in ("", "_last")]
        names += [f"train/{name}" for name in (*ALWAYS, *_statistics(settings))]
    if _has(settings, QualityMonitor) and not why_unmeasured(data):
        names += [f"quality/{name}" for name in _measures(settings, data)]
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
            why = why_unmeasured(data) if str(monitor).startswith("quality/") else ""
            yield unknown_name(f"callbacks.{path}.monitor", str(monitor), allowed) + (f"; {why}" if why else "")


def _statistics(settings: Settings) -> Iterator[str]:
    """What is logged of the discriminator's logits, and what only some settings have."""
    logits = torch.zeros(1)
    yield from discriminator_statistics(OBJECTIVES[settings["objective"]["name"]], logits, logits)
    codes, discriminator = settings["model"]["codes"], settings["model"]["discriminator"]
    noted = {
        "penalty": settings["penalty"]["name"] not in ("none", "clipping"),
        "augmentation_probability": settings["augmentation"]["name"] == "adaptive",
        "class_loss": discriminator.get("conditioning") == "auxiliary",
        "information_loss": codes["categorical"] or codes["continuous"],
    }
    for name in (name for name, is_there in noted.items() if is_there):
        yield from (f"d_{name}", f"g_{name}") if name.endswith("loss") else (name,)


def _measures(settings: Settings, data: ImageData) -> tuple[str, ...]:
    if data.loaded.name in TOY_DISTRIBUTIONS:
        return OF_POINTS
    asked = settings["model"]["generator"].get("conditioning", "none") != "none" and data.image_shape[0] == 1
    return (*OF_IMAGES, *(("label_accuracy",) if asked else ()))


def _has(settings: Settings, kind: type) -> bool:
    return any(issubclass(_class(node), kind) for node in settings["callbacks"].values())


def _class(node: Any) -> type:
    """The class of a callback's node, which has been validated; of none at all, one that nobody asks for."""
    found = locate(node["_target_"]) if node else None
    return found if isinstance(found, type) else object
