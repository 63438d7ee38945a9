"""Generators as lists of layers, run in Node and compared with torch on random weights."""

import copy
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import torch
from layers_in_node import IN_NODE, run_in_node
from option_classes import build_generator
from torch import Tensor, nn

from gan import load_generator
from gan.game.latents import Prior
from gan.generators.bundle import describe
from gan.generators.html.layers import Layers
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError

BUNDLED = Path(str(resources.files("gan.demo"))) / "generator.safetensors"
PIXEL = 2 / 255  # of outputs in [-1, 1]
CASES: list[tuple[str, tuple[int, int, int], dict[str, Any]]] = [
    ("mlp", (1, 16, 16), {"hidden": [9, 12], "dropout": 0.3}),
    ("mlp", (3, 16, 16), {"hidden": [9], "normalization": "batch", "conditioning": "batch_norm"}),
    ("mlp", (1, 18, 18), {"hidden": [9], "activation": "relu", "conditioning": "concat"}),
    ("dcgan", (1, 28, 28), {"base_channels": 4, "conditioning": "batch_norm"}),
    ("dcgan", (3, 64, 64), {"base_channels": 2, "normalization": "instance", "conditioning": "concat"}),
    ("dcgan", (3, 16, 16), {"base_channels": 4, "normalization": "none"}),
    ("dcgan", (1, 20, 20), {"base_channels": 4, "normalization": "none", "conditioning": "concat"}),
    ("resnet", (1, 28, 28), {"base_channels": 4, "conditioning": "batch_norm"}),
    ("resnet", (3, 32, 32), {"base_channels": 4, "normalization": "instance", "conditioning": "concat"}),
    ("resnet", (3, 17, 17), {"base_channels": 4, "normalization": "none"}),
    ("resnet", (1, 16, 16), {"base_channels": 4, "normalization": "batch", "conditioning": "concat"}),
    ("r3gan", (1, 28, 28), {"base_channels": 16, "conditioning": "concat"}),
    ("r3gan", (3, 128, 128), {"base_channels": 2, "upsampling_border": "zeros"}),
]


def trained(family: str, shape: tuple[int, int, int], settings: dict[str, Any], prior: Prior) -> TrainedGenerator:
    """A generator with random weights and random running statistics."""
    classes = 3 if "conditioning" in settings else 0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = build_generator(family, latent_dim=prior.width, image_shape=shape, num_classes=classes, **settings)
        randomize(made)
    return of(made, family, shape, settings, prior, classes)


def randomize(module: nn.Module) -> None:
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.randn_like(tensor) * 0.1
            tensor.copy_(tensor.abs() + noise.abs() + 0.1 if "running_var" in name else tensor + noise)


def of(
    network: nn.Module,
    family: str,
    shape: tuple[int, int, int],
    settings: Any = None,
    prior: Prior | None = None,
    classes: int = 0,
) -> TrainedGenerator:
    prior = prior or Prior("normal", 4)
    described = describe(family, settings or {}, prior=prior, image_shape=shape, mean=0.5, std=0.5, num_classes=classes)
    return TrainedGenerator(network, described)


def differences(generator: TrainedGenerator, count: int, *weights: str) -> list[Tensor]:
    z, labels, layers = generator.latents(count, seed=0), generator.labels(None, count), Layers(generator)
    inputs = (z,) if labels is None else (z, labels)
    expected = generator.generator(*inputs)
    return [(run_in_node(layers, z, labels, each)[0] - expected).abs() for each in weights]


@IN_NODE
@pytest.mark.parametrize(("family", "shape", "settings"), CASES)
def test_each_family(family: str, shape: tuple[int, int, int], settings: dict[str, Any]) -> None:
    generator = trained(family, shape, settings, Prior("normal", 6, (3, 2), 2))
    whole, half = differences(generator, 6, "float32", "float16")
    assert whole.max() < 1e-5
    assert (half <= PIXEL).float().mean() >= 0.999


@IN_NODE
@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("mlp", {"hidden": [9], "conditioning": "concat"}),
        ("mlp", {"hidden": [9]}),
        ("dcgan", {"base_channels": 4, "conditioning": "batch_norm"}),
        ("resnet", {"base_channels": 4, "conditioning": "batch_norm"}),
        ("r3gan", {"base_channels": 16, "conditioning": "concat"}),
    ],
)
def test_each_family_with_clusters(family: str, settings: dict[str, Any]) -> None:
    prior = Prior("normal", 6).with_clusters([0.5, 0.3, 0.2])
    made = build_generator(family, latent_dim=prior.width, image_shape=(1, 28, 28), clusters=3, **settings).eval()
    assert differences(of(made, family, (1, 28, 28), settings, prior), 6, "float32")[0].max() < 1e-5


@IN_NODE
@pytest.mark.slow  # minutes: plain JavaScript, networks of the default size
@pytest.mark.parametrize("weights", ["float32", "float16"])
@pytest.mark.parametrize("family", ["mlp", "dcgan", "resnet", "r3gan"])
def test_a_thousand_latents_of_each_family_at_its_default_size(family: str, weights: str) -> None:
    generator = trained(family, (1, 28, 28), {}, Prior("normal", 100))
    z = generator.latents(1000, seed=0)
    exact = copy.deepcopy(generator.generator).double()(z.double())  # torch's own float32 is 1.3e-5 from it (resnet)
    found = (run_in_node(Layers(generator), z, None, weights)[0] - exact).abs()
    if weights == "float32":
        assert found.max() < 1e-5
    assert (found <= PIXEL).float().mean() >= 0.999


class Own(nn.Module):
    """A layer of any kind on maps that a linear layer makes of z."""

    def __init__(self, layer: nn.Module, channels: int, side: int) -> None:
        super().__init__()
        self.first, self.layer, self.shape = nn.Linear(4, channels * side**2), layer, (-1, channels, side, side)

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.layer(self.first(z).reshape(self.shape))
        return made


@IN_NODE
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, padding=1),
        nn.Conv2d(4, 5, 3, stride=2),
        nn.Conv2d(4, 5, 1, bias=False),
        nn.Conv2d(4, 6, 5, padding=2, groups=2),
        nn.Conv2d(4, 4, 4, padding=3, groups=4),
        nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1),
        nn.ConvTranspose2d(4, 3, 5, stride=2, padding=2, output_padding=1, bias=False),
        nn.ConvTranspose2d(4, 3, 2, stride=3),
        nn.Upsample(scale_factor=2),
        nn.Upsample(size=(9, 11)),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample(size=(9, 4), mode="bilinear"),
        nn.BatchNorm2d(4),
        nn.BatchNorm2d(4, affine=False),
        nn.InstanceNorm2d(4, affine=True),
        nn.GroupNorm(2, 4),
        nn.LayerNorm([4, 5, 5]),
        nn.ReLU(),
        nn.LeakyReLU(0.3),
        nn.Tanh(),
        nn.Sigmoid(),
        nn.Dropout(),
    ],
    ids=repr,
)
def test_each_layer(layer: nn.Module) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Own(layer, 4, 5)
        randomize(network)
    shape = tuple(network.eval()(torch.zeros(1, 4)).shape[1:])
    (found,) = differences(of(network, "own", shape), 5, "float32")
    assert found.max() < 1e-5


@IN_NODE
def test_the_bundled_digits() -> None:
    whole, half = differences(load_generator(BUNDLED), 64, "float32", "float16")
    assert whole.max() < 1e-4
    assert (half <= PIXEL).float().mean() >= 0.999


class Sorted(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.sort(dim=1).values


class Branching(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps if maps.sum() > 0 else -maps


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Sorted(), "the operation aten.sort.default"),
        (nn.Conv2d(1, 1, 3, dilation=2), "a dilated convolution"),
        (nn.BatchNorm2d(1, track_running_stats=False), "the operation aten._native_batch_norm_legit.no_stats"),
        (Branching(), "a forward that torch.export does not translate"),
    ],
)
def test_what_the_page_cannot_run_is_refused(layer: nn.Module, reason: str) -> None:
    network = Own(layer, 1, 5)
    with pytest.raises(GanError) as error:
        Layers(of(network, "mine.Own", (1, 5, 5)))
    assert f"mine.Own has {reason}" in str(error.value)
    assert "which the page cannot run; `gan export RUN --to onnx` (or pt2) writes" in str(error.value)


def test_points_are_refused() -> None:
    points = trained("mlp", (2, 1, 1), {"hidden": [4]}, Prior("normal", 4))
    points.metadata["points"] = True
    with pytest.raises(GanError, match="generates 2-D points, and the page shows images"):
        Layers(points)
