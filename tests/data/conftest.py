"""Fixtures: the small set in MNIST's place, the internet in three states, and the real data where it is."""

import dataclasses
import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from fake_set import FILES, Mirror, TinySet, idx_bytes, random_images

from gan.data import registry
from gan.data.mnist_like import SplitFiles

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def set_source(monkeypatch: pytest.MonkeyPatch, source: registry.DatasetSpec) -> None:
    monkeypatch.setattr(registry, "SOURCES", {**registry.SOURCES, source.name: {source.split: source}})


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> TinySet:
    tensors = {
        FILES[0]: random_images(12, seed=0),
        FILES[1]: (torch.arange(12) % 10).to(torch.uint8),
        FILES[2]: random_images(6, seed=1),
        FILES[3]: (torch.arange(6) + 4).to(torch.uint8),
    }
    source = dataclasses.replace(
        registry.SOURCES["mnist"][None],
        train=SplitFiles(FILES[0], FILES[1], (12,)),
        test=SplitFiles(FILES[2], FILES[3], (6,)),
    )
    set_source(monkeypatch, source)
    return TinySet({file: idx_bytes(values) for file, values in tensors.items()}, source)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    mirror = Mirror()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
    # torchvision leaves the answer of a 404 unread and its socket open; let the warning be here, not in a later test
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tiny: TinySet, mirror: Mirror) -> Callable[..., None]:
    """Make torchvision's MNIST download from the mirror: ``online()``, or ``online({file: other bytes})``."""

    def switch(changed: dict[str, bytes] | None = None) -> None:
        import torchvision.datasets

        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [mirror.url])
        monkeypatch.setattr(torchvision.datasets.MNIST, "resources", mirror.serve(tiny.content | (changed or {})))

    return switch


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tiny: TinySet) -> str:
    """Make torchvision's MNIST look for its files where nobody answers; returns that address."""
    import torchvision.datasets

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    return "http://127.0.0.1:9/"


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"needs the real data sets in {SHARED}")
    return SHARED
