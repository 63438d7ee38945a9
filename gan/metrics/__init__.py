"""Quality metrics for generated images, and the feature extractors for small grey images that they use.

``evaluate(generator, Reference(gan.data.sources.load("mnist")))`` computes all metrics. The classes of
``gan.metrics.image_metrics`` work in any script, over batches and processes. docs/measures.md explains each metric.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan.metrics.extractors import Extractor, load_extractor, read_extractor
    from gan.metrics.frechet import Moments, frechet_distance
    from gan.metrics.image_metrics import (
        ClassBalance,
        FrechetDistance,
        KernelDistance,
        Memorisation,
        PrecisionRecall,
        SharedFeatures,
    )
    from gan.metrics.kernel import kernel_distance
    from gan.metrics.neighbours import neighbourhoods
    from gan.metrics.quality import Quality, evaluate, measure
    from gan.metrics.reference import Reference

__all__ = [
    "ClassBalance",
    "Extractor",
    "FrechetDistance",
    "KernelDistance",
    "Memorisation",
    "Moments",
    "PrecisionRecall",
    "Quality",
    "Reference",
    "SharedFeatures",
    "evaluate",
    "frechet_distance",
    "kernel_distance",
    "load_extractor",
    "measure",
    "neighbourhoods",
    "read_extractor",
]

# Modules in order of import time; the slowest, with torchmetrics, is last.
_HOMES = ("extractors", "frechet", "kernel", "neighbours", "reference", "quality", "image_metrics")


def __getattr__(name: str) -> Any:
    # Lazy import: the `gan` command imports gan.commands.evaluate, and its --help must not wait for torch.
    if name in __all__:
        for home in _HOMES:
            if name in vars(module := importlib.import_module(f"{__name__}.{home}")):
                return vars(module)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
