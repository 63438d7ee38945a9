"""The page's layers in Node, compared with torch on random weights."""

import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import torch
from option_classes import build_generator
from torch import Tensor, nn

from gan import load_generator
from gan.game.latents import Prior
from gan.generators.bundle import describe
from gan.generators.html.page import description, html_file, in_script
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError

NODE = shutil.which("node")
in_node = pytest.mark.skipif(NODE is None, reason="no node on the PATH (apt install nodejs)")
BUNDLED = Path(str(resources.files("gan.demo"))) / "generator.safetensors"
CASES: list[tuple[str, tuple[int, int, int], dict[str, Any]]] = [
    ("mlp", (1, 5, 7), {"hidden": [9, 12], "dropout": 0.3}),
    ("mlp", (3, 16, 16), {"hidden": [9], "normalization": "batch", "conditioning": "batch_norm"}),
    ("mlp", (1, 8, 8), {"hidden": [9], "activation": "relu", "conditioning": "concat"}),
    ("dcgan", (1, 28, 28), {"base_channels": 4, "conditioning": "batch_norm"}),
    ("dcgan", (3, 64, 64), {"base_channels": 2, "normalization": "instance", "conditioning": "concat"}),
    ("dcgan", (3, 16, 16), {"base_channels": 4, "normalization": "none"}),
    ("resnet", (1, 28, 28), {"base_channels": 4, "conditioning": "batch_norm"}),
    ("resnet", (3, 32, 32), {"base_channels": 4, "normalization": "instance", "conditioning": "concat"}),
    ("resnet", (3, 15, 15), {"base_channels": 4, "normalization": "none"}),
    ("r3gan", (1, 28, 28), {"base_channels": 16, "conditioning": "concat"}),
    ("r3gan", (3, 128, 128), {"base_channels": 2, "upsampling_border": "zeros"}),
]


def trained(family: str, shape: tuple[int, int, int], settings: dict[str, Any], prior: Prior) -> TrainedGenerator:
    """A generator with random weights and random running statistics."""
    classes = 3 if "conditioning" in settings else 0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = build_generator(family, latent_dim=prior.width, image_shape=shape, num_classes=classes, **settings)
        for name, tensor in made.state_dict().items():
            if tensor.is_floating_point():
                noise = torch.randn_like(tensor) * 0.1
                tensor.copy_(tensor.abs() + noise.abs() + 0.1 if "running_var" in name else tensor + noise)
    return of(made, family, shape, settings, prior, classes)


def of(
    network: nn.Module, family: str, shape: tuple[int, int, int], settings: Any, prior: Prior, classes: int = 0
) -> TrainedGenerator:
    described = describe(family, settings, prior=prior, image_shape=shape, mean=0.5, std=0.5, num_classes=classes)
    return TrainedGenerator(network, described)


def by_node(generator: TrainedGenerator, z: Tensor, labels: Tensor | None, weights: str) -> tuple[Tensor, float]:
    given: dict[str, Any] = {"model": description(generator, weights), "z": z.tolist()}
    given["labels"] = None if labels is None else labels.tolist()
    files = (Path(__file__).parent / "run_layers.js", Path(str(resources.files("gan.generators.html"))) / "layers.js")
    assert NODE is not None
    done = subprocess.run([NODE, *files], input=json.dumps(given), capture_output=True, text=True, check=True)
    made = json.loads(done.stdout)
    return torch.tensor(made["outputs"]).view(len(z), *generator.image_shape), made["ms"]


def differences(generator: TrainedGenerator, weights: str, count: int) -> Tensor:
    z, labels = generator.latents(count, seed=0), generator.labels(None, count)
    found, _ = by_node(generator, z, labels, weights)
    inputs = (z,) if labels is None else (z, labels)
    return (found - generator.generator(*inputs)).abs()


@in_node
@pytest.mark.parametrize(("family", "shape", "settings"), CASES)
def test_each_family(family: str, shape: tuple[int, int, int], settings: dict[str, Any]) -> None:
    generator = trained(family, shape, settings, Prior("normal", 6, (3, 2), 2))
    assert differences(generator, "float32", 6).max() < 1e-5
    half = differences(generator, "float16", 6) * 255 / 2  # in units of a pixel
    assert (half <= 1).float().mean() >= 0.999


@in_node
def test_the_bundled_digits() -> None:
    digits = load_generator(BUNDLED)
    assert differences(digits, "float32", 64).max() < 1e-4
    assert (differences(digits, "float16", 64) * 255 / 2 <= 1).float().mean() >= 0.999


def test_sizes() -> None:
    digits = load_generator(BUNDLED)
    page = html_file(digits, "card", "digits")
    assert len(page) <= 1_000_000
    assert len(page) - len(in_script(description(digits))) <= 40_000


class Sorted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 16)

    def forward(self, z: Tensor) -> Tensor:
        return self.layer(z).sort(dim=1).values.view(-1, 1, 4, 4)


def test_an_unknown_operation_is_refused() -> None:
    own = of(Sorted(), "mine.Sorted", (1, 4, 4), {}, Prior("normal", 4))
    with pytest.raises(
        GanError, match=r"mine.Sorted has the operation aten.sort.default, .* use --to onnx or --to pt2"
    ):
        description(own)


def test_no_text_of_the_model_is_markup() -> None:
    generator = trained("mlp", (1, 4, 4), {"hidden": [4]}, Prior("normal", 4))
    page = html_file(generator, "</script><b>card", "<i>title").decode()
    assert "<b>card" not in page
    assert "<i>" not in page
