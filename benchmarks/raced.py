"""What the loops of benchmarks/loops.py race with: recipes, the project's own networks, images, parts of losses."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Recipe:
    """What a loop must know of a recipe besides its networks: shared/TUTORIALS.md, conf/experiment/.

    Attributes:
        real: the label of a real image. together: D judges real and fake images in one pass.
        labelled: both networks are told the class. r1: gamma of R1, in every ``r1_every``-th update of D.
        average: half-life in images of an average of the generator; 0: none. updates: over which the rates fall to 0 as
            a cosine; 0: they stay.
    """

    batch: int
    lr: float
    real: float = 1.0
    together: bool = False
    shuffle: bool = True
    labelled: bool = False
    r1: float = 0.0
    r1_every: int = 1
    average: float = 0.0
    updates: int = 0


RECIPES = {
    "udacity_mnist": Recipe(64, 2e-3, real=0.9, shuffle=False),
    "kaggle_mnist": Recipe(64, 2e-4),
    "slides_mnist": Recipe(32, 1e-4, together=True),
    "dcgan": Recipe(64, 2e-4),
    "ten_minutes": Recipe(64, 2e-3, labelled=True, r1=0.3, r1_every=8, average=10_000, updates=18 * 938),
}

WORDS: list[str] = []  # of the command line


def networks(system: str) -> tuple[nn.Module, nn.Module, Callable[[int], Tensor]]:
    """The project's own generator and discriminator of a recipe, and how its latents are drawn: the same maths."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from gan.training.build import build_data, build_game

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", [f"experiment={system}", "data=mnist_sample", "run_dir=/dev/null", *WORDS])
    settings: Any = OmegaConf.to_container(config, resolve=True)
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)
    # Lightning, which this import has brought, lets torch look for a driver library in each step of Adam; these loops
    # are to be what they are without it.
    os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    uniform = settings["model"]["prior"] == "uniform"
    width = settings["model"]["latent_dim"]

    def latents(count: int) -> Tensor:
        return torch.rand(count, width) * 2 - 1 if uniform else torch.randn(count, width)

    return game.generator, game.discriminator, latents


def per_sample(system: str) -> DataLoader[Any]:
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    root = os.environ.get("GAN_DATA", str(ROOT / "data"))
    mnist = torchvision.datasets.MNIST(root, train=True, transform=transform)
    own = RECIPES[system]
    return DataLoader(mnist, batch_size=own.batch, shuffle=own.shuffle)


def logits_of(discriminator: nn.Module, images: Tensor, labels: Tensor | None = None) -> Tensor:
    judged = discriminator(images, labels)
    return judged if isinstance(judged, Tensor) else judged.logits


def r1(discriminator: nn.Module, real: Tensor, labels: Tensor | None) -> Tensor:
    """Half the mean squared gradient of D at real images (Mescheder et al. 2018)."""
    real = real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(logits_of(discriminator, real, labels).sum(), real, create_graph=True)
    return 0.5 * slope.flatten(1).square().sum(dim=1).mean()


def cosine(own: Recipe, update: int) -> float:
    return own.lr * 0.5 * (1 + math.cos(math.pi * update / own.updates))


def averaged(generator: nn.Module) -> list[Tensor]:
    """The weights, and batch norm's statistics."""
    return [*generator.parameters(), *(buffer for buffer in generator.buffers() if buffer.is_floating_point())]


def resident(batch: int, shuffle: bool) -> Iterator[tuple[Tensor, Tensor]]:
    mnist = torchvision.datasets.MNIST(os.environ.get("GAN_DATA", str(ROOT / "data")), train=True)
    pixels, labels = mnist.data.unsqueeze(1), mnist.targets
    while True:
        order = torch.randperm(len(pixels)) if shuffle else torch.arange(len(pixels))
        for chosen in order.split(batch):
            yield (pixels[chosen].float() / 255 - 0.5) / 0.5, labels[chosen]
