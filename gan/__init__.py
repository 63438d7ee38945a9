"""GANs on small images: train, judge, compare, ship."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan.data.module import ImageData
    from gan.generators.bundle import TrainedGenerator, load_generator
    from gan.system.errors import GanError
    from gan.training.module import GAN

    __version__: str

__all__ = ["GAN", "GanError", "ImageData", "TrainedGenerator", "__version__", "load_generator"]

_HOMES = {
    "GAN": "gan.training.module",
    "GanError": "gan.system.errors",
    "ImageData": "gan.data.module",
    "TrainedGenerator": "gan.generators.bundle",
    "load_generator": "gan.generators.bundle",
}


def __getattr__(name: str) -> Any:
    # Looked up on first use, so that sampling does not import Lightning and a command's --help does not import torch.
    if name == "__version__":
        return importlib.import_module("gan.system.version").version()
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gan' has no attribute {name!r}")
