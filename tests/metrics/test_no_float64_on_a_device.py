"""Float64 is made on the CPU alone: an Apple GPU has none. The `meta` device is made to behave like such a GPU."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from gan.generators.latent_directions import random_directions
from gan.metrics.classes import class_shares, classifier_score, label_accuracy, stacked_modes
from gan.metrics.diversity import contrast, diversity
from gan.metrics.extractors import load_extractor
from gan.metrics.frechet import Moments, distance
from gan.metrics.image_metrics import FrechetDistance, ImageMetric, KernelDistance, PrecisionRecall
from gan.metrics.kernel import kernel_distance
from gan.metrics.neighbours import memorisation, neighbourhoods
from gan.training.callbacks.projector import principal_components
from gan.training.diagnostics.checks import Pictures

PACKAGE = Path(__file__).parent.parent.parent / "gan"
FETCHING = ("item", "tolist", "__float__", "__int__", "__bool__", "__index__")


def fetched(value: Any) -> Any:
    """A tensor of the pretended device on the CPU, with numbers of some kind."""
    if not (isinstance(value, Tensor) and value.is_meta):
        return value
    if value.is_floating_point():
        return torch.rand(value.shape, dtype=value.dtype)
    return torch.arange(value.numel()).reshape(value.shape).remainder(2).to(value.dtype)


class AppleGPU(TorchFunctionMode):
    """`meta` tensors can be fetched, and none of them may be of float64."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.cpu or (func is Tensor.to and "cpu" in map(str, (*args[1:], *kwargs.values()))):
            return fetched(args[0])
        if getattr(func, "__name__", "") in FETCHING:
            args = tree_map(fetched, args)
        result = func(*args, **kwargs)
        for tensor in tree_flatten(result)[0]:
            if isinstance(tensor, Tensor) and tensor.is_meta and tensor.dtype == torch.float64:
                raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support it")
        return result


@pytest.fixture
def apple() -> Iterator[None]:
    with AppleGPU():
        yield


def on_device(*shape: int) -> Tensor:
    return torch.rand(*shape, device="meta")


def measured(metric: ImageMetric) -> Any:
    metric.update(on_device(40, 8), real=True)
    metric.update(on_device(40, 8), real=False)
    return metric.compute()


LABELS = torch.arange(40) % 2


@pytest.mark.usefixtures("apple")
@pytest.mark.parametrize(
    "taken",
    [
        lambda: Moments.of(on_device(40, 8)),
        lambda: Moments.of(on_device(40, 8)).covariance,
        lambda: FrechetDistance(num_features=8).update(on_device(40, 8), real=True),
        lambda: [measured(KernelDistance(subset_size=20)), measured(PrecisionRecall())],
        lambda: distance(Moments.of(on_device(40, 8)), Moments.of(on_device(40, 8))),
        lambda: kernel_distance(on_device(40, 8), on_device(40, 8), subsets=2, subset_size=20),
        lambda: neighbourhoods(on_device(40, 8), on_device(40, 8)),
        lambda: memorisation(on_device(40), on_device(40)),
        lambda: classifier_score(on_device(40, 10)),
        lambda: class_shares(LABELS.to("meta").cpu(), 10),
        lambda: label_accuracy(LABELS.to("meta"), LABELS),
        lambda: stacked_modes(LABELS.repeat(3, 1).T.to("meta")),
        lambda: contrast(on_device(40, 1, 8, 8)),
        lambda: diversity(on_device(40, 1, 8, 8), on_device(40, 1, 8, 8)),
        lambda: Pictures(on_device(40, 1, 8, 8), on_device(40, 1, 8, 8)).scale,
        lambda: Pictures(on_device(40, 1, 8, 8), on_device(40, 1, 8, 8)).diversity,
        lambda: principal_components(on_device(40, 300), 50),
        lambda: random_directions(8, 3, seed=0),
    ],
)
def test_measures_of_tensors_on_an_apple_gpu(taken: Any) -> None:
    taken()


@pytest.mark.parametrize("kind", ["classifier", "labeller", "autoencoder"])
def test_an_extractor_on_an_apple_gpu(kind: str) -> None:
    extractor = load_extractor("mnist", kind).to("meta")
    with AppleGPU():
        features = extractor.features(torch.zeros(3, 1, 28, 28, dtype=torch.uint8))
        assert features.device.type == "cpu"
        if kind != "autoencoder":
            for where in ("cpu", "meta"):
                assert extractor.logits(features.to(where)).device.type == "cpu"


@pytest.mark.usefixtures("apple")
@pytest.mark.parametrize(
    "made",
    [
        lambda x: x.double(),
        lambda x: x.to(torch.float64),
        lambda x: torch.zeros_like(x, dtype=torch.float64),
        lambda x: torch.ones(2, device=x.device, dtype=torch.float64),
        lambda x: torch.ones(2, dtype=torch.float64).to(x.device),
    ],
)
def test_float64_on_the_device_is_seen(made: Any) -> None:
    with pytest.raises(TypeError, match="float64"):
        made(on_device(2))


def test_every_double_in_the_package_is_of_a_tensor_that_was_fetched() -> None:
    bare = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "double":
                source = ast.unparse(node.func.value)
                if ".cpu()" not in source:
                    bare.append(f"{path.relative_to(PACKAGE)}:{node.lineno}: {source}")
    assert bare == []
