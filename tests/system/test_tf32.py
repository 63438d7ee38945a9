"""Full float32 on a GPU: what torch would round to TF32. The switches can be read on any machine."""

from typing import Any

import pytest
import torch
from real_images import sample_of
from tiny_bundles import make_generator, metadata
from torch import nn

from gan.generators.trained_generator import TrainedGenerator
from gan.metrics.extractors import load_extractor
from gan.system.devices import without_tf32


def state() -> tuple[Any, ...]:
    """Whether products and convolutions may use TF32, by the names that this version of torch has."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    if hasattr(products, "fp32_precision"):
        return products.fp32_precision, convolutions.conv.fp32_precision
    return products.allow_tf32, convolutions.allow_tf32


EXACT = (("ieee", "ieee"), (False, False))


@pytest.fixture(params=["highest", "high"])
def users_choice(request: pytest.FixtureRequest) -> Any:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


def test_the_users_choice_comes_back(users_choice: str) -> None:
    before = state()
    with without_tf32():
        assert state() in EXACT
    assert state() == before
    with pytest.raises(KeyError), without_tf32():
        raise KeyError
    assert state() == before
    assert torch.get_float32_matmul_precision() == users_choice


def seen_while_it_runs(network: nn.Module) -> list[tuple[Any, ...]]:
    seen: list[tuple[Any, ...]] = []
    network.register_forward_hook(lambda *_: seen.append(state()))
    return seen


def test_features_are_computed_in_full_float32() -> None:
    extractor = load_extractor("mnist", "classifier")
    seen = seen_while_it_runs(next(module for module in extractor.network.modules() if isinstance(module, nn.Conv2d)))
    extractor.features(sample_of("mnist").held_out_images[:5])
    assert seen
    assert set(seen) <= set(EXACT)


def test_samples_are_computed_in_full_float32() -> None:
    trained = TrainedGenerator(make_generator(), metadata())
    seen = seen_while_it_runs(trained.generator)
    trained.sample(3)
    assert seen
    assert set(seen) <= set(EXACT)
