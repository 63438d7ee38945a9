"""Fixtures: the bundled images as the shipped extractors see them."""

from collections.abc import Callable

import pytest
import torch
from real_images import few_of

from gan.metrics.extractors import Extractor, load_extractor
from gan.metrics.reference import Reference


@pytest.fixture(scope="session", params=["classifier", "autoencoder"])
def extractor(request: pytest.FixtureRequest) -> Extractor:
    """Those that distances are taken by."""
    return load_extractor("mnist", request.param)


@pytest.fixture(scope="session")
def classifier() -> Extractor:
    return load_extractor("mnist")


@pytest.fixture(scope="session")
def labeller() -> Extractor:
    return load_extractor("mnist", "labeller")


@pytest.fixture(scope="session")
def reference() -> Reference:
    """Bundled digits: 3,000 to compare with and 1,000 held out."""
    return Reference(few_of("mnist"))


@pytest.fixture
def gaussian() -> Callable[..., torch.Tensor]:
    """``gaussian(n, d, seed, shift=0)``: float64 features."""

    def made(count: int, dimension: int, seed: int = 0, shift: float = 0.0) -> torch.Tensor:
        random = torch.Generator().manual_seed(seed)
        return torch.randn(count, dimension, generator=random, dtype=torch.float64) + shift

    return made
