"""A trained generator as one safe file, and back.

A bundle is a safetensors file: the generator's weights, and in its metadata, as JSON under the key "gan", the
architecture, prior, image shape, normalisation, data set and measures. Loading it runs no code from the file: a family
of networks is looked up by name in a closed registry.
"""

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from gan.data.normalization import denormalize
from gan.errors import BundleError
from gan.files import write_bytes
from gan.latents import PRIORS, fixed_latents
from gan.networks import FAMILIES, build_generator

FORMAT = 1
FILE_NAME = "generator.safetensors"


class TrainedGenerator:
    """A generator with what is needed to use it: the prior, the pixel range, and where it comes from.

    Attributes:
        generator: the network, in eval mode, gradients off.
        metadata: the bundle's metadata, as ``describe`` makes it.
    """

    def __init__(self, generator: nn.Module, metadata: dict[str, Any]) -> None:
        self.generator = generator.eval().requires_grad_(False)
        self.metadata = metadata

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.metadata["image_shape"]
        return channels, height, width

    def to(self, device: torch.device | str) -> "TrainedGenerator":
        self.generator.to(device)
        return self

    def latents(self, count: int, seed: int) -> Tensor:
        """Latents (count, latent_dim) of a seed; the first ones do not depend on ``count``."""
        return fixed_latents(
            self.metadata["prior"], count, self.metadata["latent_dim"], seed=seed, purpose="samples from a bundle"
        )

    @torch.no_grad()
    def decode(self, z: Tensor, *, batch_size: int = 1000) -> np.ndarray:
        """Latents (N, latent_dim) -> uint8 images (N, C, H, W), ``batch_size`` at a time."""
        device = next(self.generator.parameters()).device
        mean, std = self.metadata["mean"], self.metadata["std"]
        images = [denormalize(self.generator(part.to(device)), mean, std).cpu() for part in z.split(batch_size)]
        return torch.cat(images).numpy()

    def sample(self, count: int, *, seed: int = 0, batch_size: int = 1000) -> np.ndarray:
        """``count`` uint8 images (N, C, H, W); the same call gives the same images."""
        return self.decode(self.latents(count, seed), batch_size=batch_size)


def describe(
    family: str,
    settings: dict[str, Any],
    *,
    latent_dim: int,
    prior: str,
    image_shape: tuple[int, int, int],
    mean: float,
    std: float,
    **provenance: Any,
) -> dict[str, Any]:
    """The metadata of a bundle: what it takes to rebuild and use a generator, and (``provenance``) its origin."""
    return {
        "format": FORMAT,
        "family": family,
        "settings": settings,
        "latent_dim": latent_dim,
        "prior": prior,
        "image_shape": list(image_shape),
        "mean": mean,
        "std": std,
        **provenance,
    }


def save_bundle(path: Path, generator: nn.Module, metadata: dict[str, Any]) -> None:
    """Write a bundle, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    text = json.dumps({**metadata, "sha256": _digest(tensors, metadata)}, sort_keys=True)
    write_bytes(path, save(tensors, metadata={"gan": text}))


def load_generator(path: str | Path) -> TrainedGenerator:
    """The generator in a bundle, or in a run folder's bundle, ready for sampling, on the CPU.

    Raises:
        BundleError: there is no such file, or it is not a whole bundle of a generator of this version.
    """
    path = _bundle_path(Path(path))
    tensors, text = _read(path)
    metadata = _parse(path, text)
    if _digest(tensors, metadata) != metadata.get("sha256"):
        raise BundleError(f"{path}: its content is not what was saved (sha256 differs): the file is damaged")
    try:
        generator = build_generator(
            metadata["family"],
            latent_dim=metadata["latent_dim"],
            image_shape=tuple(metadata["image_shape"]),
            **metadata["settings"],
        )
        generator.load_state_dict(tensors)
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise BundleError(f"{path}: the architecture in its metadata does not fit its weights: {error}") from error
    return TrainedGenerator(generator, metadata)


def _bundle_path(path: Path) -> Path:
    if not path.exists():
        raise BundleError(f"{path}: there is no such file or folder; give a run folder or a file {FILE_NAME}")
    if path.is_dir():
        if not (path / FILE_NAME).exists():
            raise BundleError(f"{path}: this folder has no {FILE_NAME}; is it a run folder, and has its run begun?")
        return path / FILE_NAME
    return path


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            text = (file.metadata() or {}).get("gan")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
    except (SafetensorError, OSError, struct.error) as error:
        raise BundleError(f"{path}: not a whole safetensors file ({error}); a bundle is called {FILE_NAME}") from error
    if text is None:
        raise BundleError(f"{path}: a safetensors file, but not one of a generator: it has no metadata 'gan'")
    return tensors, text


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        metadata = json.loads(text)
    except json.JSONDecodeError as error:
        raise BundleError(f"{path}: its metadata is not JSON: {error}") from error
    found = metadata.get("format") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or type(found) is not int or found != FORMAT:
        raise BundleError(f"{path}: a bundle of format {found}; this version reads format {FORMAT}")
    family, prior = metadata.get("family"), metadata.get("prior")
    mean, std = metadata.get("mean"), metadata.get("std")
    if family not in list(FAMILIES):
        raise BundleError(f"{path}: network family {family!r}; known: {', '.join(FAMILIES)}")
    if prior not in PRIORS:
        raise BundleError(f"{path}: prior {prior!r}; known: {', '.join(PRIORS)}")
    if not (_is_finite(mean) and _is_finite(std) and metadata["std"] > 0):
        raise BundleError(f"{path}: mean {mean!r} and std {std!r}; finite numbers expected, std above 0")
    return metadata


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _digest(tensors: dict[str, Tensor], metadata: dict[str, Any]) -> str:
    """sha256 of the metadata (but for the digest itself), and of every tensor's name, type, shape and bytes."""
    known = {name: value for name, value in metadata.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
