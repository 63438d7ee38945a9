"""`TrainedGenerator.latent_walk`, the examples in its docstrings, and what is imported for them."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from option_classes import build_generator
from tiny_bundles import SHAPE, conditional_bundle, whole_bundle

from gan.game.latents import Prior
from gan.generators.bundle import TrainedGenerator, describe, load_generator
from gan.system.errors import GanError

CLOTHES = ("Bag", "Coat", "Dress")


@pytest.fixture
def trained(tmp_path: Path) -> TrainedGenerator:
    return load_generator(whole_bundle(tmp_path))


@pytest.fixture
def conditional(tmp_path: Path) -> TrainedGenerator:
    return load_generator(conditional_bundle(tmp_path, CLOTHES))


def close(images: np.ndarray, others: np.ndarray) -> bool:
    """Equal but for the rounding of a product whose batch was of another size."""
    return images.shape == others.shape and int(np.abs(images.astype(int) - others.astype(int)).max()) <= 1


def test_a_walk_visits_the_first_image_of_each_seed(trained: TrainedGenerator) -> None:
    frames = trained.latent_walk([3, 1, 4], steps=5)
    assert (frames.shape, frames.dtype) == ((11, *SHAPE), np.uint8)
    assert close(frames[::5], np.concatenate([trained.sample(1, seed=seed) for seed in (3, 1, 4)]))
    assert not close(frames[2:3], frames[:1])


def test_a_walk_between_latents_and_by_a_method(trained: TrainedGenerator) -> None:
    z = trained.latents(2, seed=8)
    assert close(trained.latent_walk(z, steps=2, method="linear"), trained.decode(torch.stack([z[0], z.mean(0), z[1]])))
    assert np.array_equal(trained.latent_walk(z, steps=4), trained.latent_walk(z, steps=4, batch_size=4))


def test_from_class_to_class_with_one_latent(conditional: TrainedGenerator) -> None:
    frames = conditional.latent_walk([0, 0], steps=4, labels=["coat", 0])
    z = conditional.latents(1, 0)
    assert close(frames[[0, -1]], np.concatenate([conditional.decode(z, 1), conditional.decode(z, 0)]))
    assert not close(frames[2:3], frames[:1])
    assert not close(frames[2:3], frames[-1:])


def test_one_class_holds_for_the_whole_walk(conditional: TrainedGenerator) -> None:
    frames = conditional.latent_walk([0, 1, 2], steps=3, labels="Dress", loop=True)
    assert close(frames[::3], np.concatenate([conditional.sample(1, seed=seed, labels=2) for seed in (0, 1, 2)]))


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("mlp", {"hidden": [8], "normalization": "batch", "conditioning": "batch_norm"}),
        ("dcgan", {"base_channels": 2, "conditioning": "batch_norm"}),
        ("dcgan", {"base_channels": 2, "conditioning": "concat"}),
        ("resnet", {"base_channels": 2, "conditioning": "batch_norm"}),
        ("r3gan", {"base_channels": 2, "conditioning": "concat"}),
    ],
)
def test_every_family_mixes_classes(family: str, settings: dict[str, object]) -> None:
    torch.manual_seed(0)
    generator = build_generator(family, latent_dim=4, image_shape=(1, 16, 16), num_classes=3, **settings)
    for module in generator.modules():
        if isinstance(module, torch.nn.Embedding):
            torch.nn.init.normal_(module.weight)
    z, labels = torch.randn(3, 4), torch.tensor([2, 0, 1])
    generator.eval()
    assert torch.allclose(generator(z, torch.eye(3)[labels]), generator(z, labels), atol=1e-6)
    mixed = generator(z, torch.full((3, 3), 1 / 3))
    assert torch.isfinite(mixed).all()


def test_mistakes(trained: TrainedGenerator, conditional: TrainedGenerator) -> None:
    for call, message in [
        (lambda: trained.latent_walk([1]), "an interpolation needs two or more points; 1 given"),
        (
            lambda: trained.latent_walk([0, 1], labels=2),
            "class: this generator was trained without classes; a class cannot be",
        ),
        (lambda: conditional.latent_walk([0, 1], labels="Hat"), "class 'Hat': there is no such class"),
        (lambda: conditional.latent_walk([0, 1], labels=[0, 1, 2]), "labels: 3 given for 2 images; 1 … 2 expected"),
    ]:
        with pytest.raises(GanError) as error:
            call()
        assert str(error.value).startswith(message)


def test_points_walk_too() -> None:
    generator = build_generator("mlp", latent_dim=2, image_shape=(2, 1, 1), hidden=[4])
    described = describe("mlp", {"hidden": [4]}, prior=Prior("normal", 2), image_shape=(2, 1, 1), mean=0.5, std=0.5)
    assert TrainedGenerator(generator, described).latent_walk([0, 1], steps=3).dtype == np.float32


@pytest.mark.parametrize("module", ["gan.generators.trained_generator"])
def test_the_examples_in_the_docstrings(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conditional_bundle(tmp_path, CLOTHES)
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(module))
    assert found.failed == 0
    assert found.attempted >= 3
