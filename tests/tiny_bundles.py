"""Small bundles for tests: whole ones, ones of former versions, and ones that no honest version would write."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from option_classes import build_generator
from safetensors.torch import save_file
from torch import Tensor, nn

from gan.game.latents import Prior
from gan.generators import bundle_file
from gan.generators.bundle import FILE_NAME, describe, load_generator, save_bundle
from gan.system.errors import BundleError

SETTINGS = {"hidden": [8], "activation": "leaky_relu", "negative_slope": 0.2, "dropout": 0.5}
SHAPE = (1, 4, 5)


def make_generator(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_generator("mlp", latent_dim=16, image_shape=SHAPE, **SETTINGS)


def metadata(prior: str = "normal", mean: float = 0.5, std: float = 0.5, **more: Any) -> dict[str, Any]:
    return describe("mlp", SETTINGS, prior=Prior(prior, 16), image_shape=SHAPE, mean=mean, std=std, **more)


def whole_bundle(folder: Path) -> Path:
    """A whole bundle in a run folder below ``folder``."""
    save_bundle(folder / "run" / FILE_NAME, make_generator(), metadata())
    return folder / "run" / FILE_NAME


def conditional_bundle(folder: Path, class_names: tuple[str, ...]) -> Path:
    """A run folder with a generator whose images depend on the class."""
    classes = len(class_names)
    settings = {**SETTINGS, "conditioning": "concat"}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = build_generator("mlp", latent_dim=16, image_shape=SHAPE, num_classes=classes, **settings)
    described = {**metadata(num_classes=classes, data={"class_names": list(class_names)}), "settings": settings}
    save_bundle(folder / "run" / FILE_NAME, generator, described)
    return folder / "run"


def codes_bundle(folder: Path) -> Path:
    """A run folder with a generator that has InfoGAN's codes: one of three classes, and two continuous ones."""
    prior = Prior("normal", 6, categorical=(3,), continuous=2)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = build_generator("mlp", latent_dim=prior.width, image_shape=SHAPE, **SETTINGS)
    described = describe("mlp", SETTINGS, prior=prior, image_shape=SHAPE, mean=0.5, std=0.5)
    save_bundle(folder / "run" / FILE_NAME, generator, described)
    return folder / "run"


def points_bundle(folder: Path) -> Path:
    """A run folder with a generator of 2-D points."""
    generator = build_generator("mlp", latent_dim=16, image_shape=(2, 1, 1), **SETTINGS)
    described = describe("mlp", SETTINGS, prior=Prior("normal", 16), image_shape=(2, 1, 1), mean=0.5, std=0.5)
    save_bundle(folder / "run" / FILE_NAME, generator, described)
    return folder / "run"


def told(path: Path) -> str:
    """The message about a bundle that is none: one line, which begins with its path; the rest of it."""
    with pytest.raises(BundleError) as error:
        load_generator(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 500
    return message.removeprefix(f"{path}: ")


def craft(path: Path, **changes: Any) -> None:
    """Write a bundle whose sha256 is right and whose metadata is whatever is given."""
    bundle_file.write(path, make_generator().state_dict(), {**metadata(), **changes})


def write_format_1(path: Path, generator: nn.Module, **changes: Any) -> dict[str, Any]:
    """Write a bundle as the first version did, in its own words; its metadata, but for the sha256."""
    tensors = {name: tensor.detach().contiguous() for name, tensor in generator.state_dict().items()}
    described: dict[str, Any] = {
        "format": 1,
        "family": "mlp",
        "settings": SETTINGS,
        "latent_dim": 16,
        "prior": "normal",
        "image_shape": list(SHAPE),
        "mean": 0.5,
        "std": 0.5,
        "data": {"name": "digits", "origin": "the bundled sample", "class_names": ["zero", "one"]},
        "trained": {"epochs": 2, "g_updates": 4, "d_updates": 12, "images_seen": 120, "seed": 5},
        **changes,
    }
    text = json.dumps({**described, "sha256": _digest_of_format_1(tensors, described)}, sort_keys=True)
    save_file(tensors, path, metadata={"gan": text})
    return described


def _digest_of_format_1(tensors: dict[str, Tensor], described: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
