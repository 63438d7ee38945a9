"""Fixtures: the bundled images as the shipped extractors see them; nothing is cached outside the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from real_images import few_of

from gan.metrics.extractors import Extractor, load_extractor
from gan.metrics.reference import Reference


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is computed of the real images is shared by the tests of a session, and leaves no trace."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


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
