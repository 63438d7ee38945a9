"""Full float32 on a GPU: what torch would round to TF32. The switches can be read on any machine."""

from typing import Any

import pytest
import torch
from real_images import sample_of
from tiny_bundles import make_generator, metadata
from torch import nn

from gan.game.networks.evaluation_mode import evaluating
from gan.generators.trained_generator import TrainedGenerator
from gan.metrics.extractors import load_extractor
from gan.system.devices import without_tf32


def state() -> tuple[Any, ...]:
    """Whether products and convolutions may use TF32, by the names that this version of torch has."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    if hasattr(products, "fp32_precision"):
        return products.fp32_precision, convolutions.conv.fp32_precision
    return products.allow_tf32, convolutions.allow_tf32


def is_exact() -> bool:
    return not {"tf32", True} & set(state())


@pytest.fixture(params=["highest", "high"])
def users_choice(request: pytest.FixtureRequest) -> Any:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


def test_the_users_choice_comes_back(users_choice: str) -> None:
    before = state()
    assert not is_exact()  # of torch: convolutions may use TF32
    with without_tf32():
        assert is_exact()
        assert not torch.backends.cudnn.allow_tf32  # old names can be read, as by a generator of the user's own
        assert torch.get_float32_matmul_precision() == "highest"
    assert state() == before
    with pytest.raises(KeyError), without_tf32():
        raise KeyError
    assert state() == before
    assert torch.get_float32_matmul_precision() == users_choice


@pytest.mark.skipif(not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="since torch 2.9")
def test_who_uses_the_newer_names_gets_full_float32_too() -> None:
    matmul: Any = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    matmul.fp32_precision = "tf32"
    try:
        with without_tf32():
            assert is_exact()
        assert matmul.fp32_precision == "tf32"
    finally:
        matmul.fp32_precision = before


def seen_while_it_runs(network: nn.Module) -> list[bool]:
    seen: list[bool] = []
    network.register_forward_hook(lambda *_: seen.append(is_exact()))
    return seen


def test_features_are_computed_in_full_float32() -> None:
    extractor = load_extractor("mnist", "classifier")
    seen = seen_while_it_runs(next(module for module in extractor.network.modules() if isinstance(module, nn.Conv2d)))
    extractor.features(sample_of("mnist").held_out_images[:5])
    assert set(seen) == {True}


def test_samples_are_computed_in_full_float32() -> None:
    trained = TrainedGenerator(make_generator(), metadata())
    seen = seen_while_it_runs(trained.generator)
    trained.sample(3)
    assert set(seen) == {True}


def test_networks_are_evaluated_in_full_float32() -> None:
    generator = make_generator()
    seen = seen_while_it_runs(generator)
    with evaluating(generator):
        generator(torch.zeros(1, 16))
    assert seen == [True]
