"""GANs on small images: train, evaluate, compare, export."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan.data.module import ImageData
    from gan.generators.bundle import load_generator
    from gan.generators.trained_generator import TrainedGenerator
    from gan.launch.python_run import TrainingRun, train
    from gan.system.errors import GanError
    from gan.training.module import GAN
    from gan.training.strategy import GameDDP

    __version__: str

__all__ = [
    "GAN",
    "GameDDP",
    "GanError",
    "ImageData",
    "TrainedGenerator",
    "TrainingRun",
    "__version__",
    "load_generator",
    "train",
]

# Modules whose public names can be imported, in addition to the names above: docs/api.md.
LIBRARY = (
    "gan.callbacks",
    "gan.data.loaded",
    "gan.data.sources",
    "gan.game.augmentation",
    "gan.game.ema",
    "gan.game.gradients",
    "gan.game.latents",
    "gan.game.learning_rates",
    "gan.game.losses",
    "gan.game.networks",
    "gan.game.penalties",
    "gan.game.schedules",
    "gan.game.updates",
    "gan.generators.pictures",
    "gan.loggers",
    "gan.metrics.image_metrics",
    "gan.metrics.own_metrics",
    "gan.metrics.quality",
    "gan.metrics.reference",
    "gan.system.errors",
    "gan.system.ranges",
)

_HOMES = {
    "GAN": "gan.training.module",
    "GameDDP": "gan.training.strategy",
    "GanError": "gan.system.errors",
    "ImageData": "gan.data.module",
    "TrainedGenerator": "gan.generators.trained_generator",
    "TrainingRun": "gan.launch.python_run",
    "load_generator": "gan.generators.bundle",
    "train": "gan.launch.python_run",
}


def __dir__() -> list[str]:  # for completion in notebooks and shells
    return __all__


def __getattr__(name: str) -> Any:
    # Looked up on first use, so that sampling does not import Lightning and a command's --help does not import torch.
    if name == "__version__":
        return importlib.import_module("gan.system.version").version()
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gan' has no attribute {name!r}")
