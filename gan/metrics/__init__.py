"""How good are the images? Feature extractors for small grey images, and the measures built on them.

``evaluate(generator, Reference(gan.data.sources.load("mnist")))`` gives all of them; docs/measures.md says what each
means.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan.metrics.extractors import Extractor, load_extractor, read_extractor
    from gan.metrics.frechet import Moments, frechet_distance, statistics
    from gan.metrics.kernel import kernel_distance
    from gan.metrics.neighbours import neighbourhoods
    from gan.metrics.quality import Quality, evaluate, measure
    from gan.metrics.reference import Reference

__all__ = [
    "Extractor",
    "Moments",
    "Quality",
    "Reference",
    "evaluate",
    "frechet_distance",
    "kernel_distance",
    "load_extractor",
    "measure",
    "neighbourhoods",
    "read_extractor",
    "statistics",
]

_HOMES = {
    "Extractor": "extractors",
    "Moments": "frechet",
    "Quality": "quality",
    "Reference": "reference",
    "evaluate": "quality",
    "frechet_distance": "frechet",
    "kernel_distance": "kernel",
    "load_extractor": "extractors",
    "measure": "quality",
    "neighbourhoods": "neighbours",
    "read_extractor": "extractors",
    "statistics": "frechet",
}


def __getattr__(name: str) -> Any:
    # Looked up on first use: the `gan` command imports gan.commands.evaluate, and its --help does not wait for torch.
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
