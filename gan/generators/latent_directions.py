"""Latent directions: random directions, principal directions, and InfoGAN's codes."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan.game.latents import Prior
from gan.system.errors import GanError, unknown_name

KINDS = ("pca", "random", "codes")
CODE_REACH = 2.0  # of continuous codes, as in Chen et al. 2016, who show -2 … 2


class Row(NamedTuple):
    """Latents along one direction.

    Attributes:
        name: such as "principal 1" or "continuous code 2".
        positions: position of each latent in units of the prior's noise; for a categorical code, the class.
        z: float32 (columns, prior.width).
    """

    name: str
    positions: list[float]
    z: Tensor


def rows_from(
    z: Tensor,
    generator: nn.Module,
    prior: Prior,
    kind: str,
    *,
    count: int = 8,
    columns: int = 9,
    reach: float | None = None,
    seed: int = 0,
) -> list[Row]:
    """Rows of latents along one direction each, starting from z (prior.width,).

    Args:
        kind: "pca": `principal_directions`; "random": random orthonormal directions of the seed; "codes": InfoGAN's
            codes, every class of a categorical code, and the range of a continuous code and beyond.
        count: number of principal or random directions, at most the prior's latent_dim.
        columns: latents in a row, 2 or more. The middle one of an odd number is z itself.
        reach: rows go from -reach to reach; by default 3 for normal noise, 1 for uniform noise (whose components stay
            in [-1, 1]), and 2 for a continuous code.

    Raises:
        GanError: the kind does not exist, the prior has no codes, or reach is not above 0.
    """
    if kind not in KINDS:
        raise GanError(unknown_name("directions", kind, KINDS))
    if reach is not None and not 0 < reach < math.inf:
        raise GanError(f"reach: {reach} given; a number above 0 expected")
    if kind == "codes":
        return _code_rows(z, prior, columns, reach or CODE_REACH)
    if kind == "pca":
        vectors = principal_directions(generator, prior)[:count]
    else:
        vectors = random_directions(prior.latent_dim, count, seed)
    positions = torch.linspace(-1, 1, columns) * (reach or reach_of(prior))
    name = "principal" if kind == "pca" else "random"
    copies = z.repeat(len(positions), 1)  # (columns, width), each of which is moved
    return [
        Row(f"{name} {1 + i}", positions.tolist(), moved(copies, positions[:, None] * direction, prior))
        for i, direction in enumerate(vectors)
    ]


def principal_directions(generator: nn.Module, prior: Prior) -> Tensor:
    """Orthonormal directions of the noise (K, latent_dim), sorted by the change of the first layer's output.

    Härkönen et al. 2020, "GANSpace: Discovering Interpretable GAN Controls": the principal components of the first
    layer's activations, and their latents. For a linear layer and noise with the same variance in all directions, they
    are the singular vectors of its weights (Shen & Zhou 2021, "Closed-Form Factorization of Latent Semantics in GANs").
    The sign is arbitrary: the largest component is positive.

    Raises:
        GanError: the first layer of the network is not linear in z.
    """
    first = next((m for m in generator.modules() if isinstance(m, nn.Linear | nn.ConvTranspose2d)), None)
    if isinstance(first, nn.Linear):
        weight = first.weight  # (outputs, inputs)
    elif first is not None:
        weight = first.weight.flatten(1).T  # (inputs, channels, height, width) -> (outputs, inputs)
    if first is None or weight.shape[1] < prior.latent_dim:
        raise GanError("directions: this network does not start with a linear layer on z; try random")
    vectors = torch.linalg.svd(weight[:, : prior.latent_dim].detach().cpu().double(), full_matrices=False).Vh
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return (vectors * largest.sign()).float()


def reach_of(prior: Prior) -> float:
    """How far rows reach to both sides by default: 3 standard deviations of normal noise, all of uniform noise."""
    return 3.0 if prior.name == "normal" else 1.0


def random_directions(latent_dim: int, count: int, seed: int) -> Tensor:
    """(min(count, latent_dim), latent_dim), orthonormal; the first rows do not depend on ``count``."""
    drawn = Prior("normal", latent_dim).fixed(min(count, latent_dim), seed=seed, purpose="directions")
    return torch.linalg.qr(drawn.cpu().double().T).Q.T.float()


def moved(z: Tensor, offsets: Tensor, prior: Prior) -> Tensor:
    """Latents z (N, prior.width) with offsets (N, latent_dim) or (latent_dim,) added to their noise.

    The components of uniform noise stay in [-1, 1]; codes stay as they are.
    """
    noise = z[:, : prior.latent_dim] + offsets
    return torch.cat([noise if prior.name == "normal" else noise.clamp(-1, 1), z[:, prior.latent_dim :]], dim=1)


def _code_rows(z: Tensor, prior: Prior, columns: int, reach: float) -> list[Row]:
    if prior.width == prior.latent_dim:
        raise GanError("directions: this generator has no codes (experiment=infogan has); try pca or random")
    rows = []
    place = prior.latent_dim
    for name, classes in zip(prior.code_names, prior.categorical, strict=True):
        latents = z.repeat(classes, 1)
        latents[:, place : place + classes] = torch.eye(classes)
        rows.append(Row(name, [float(number) for number in range(classes)], latents))
        place += classes
    positions = torch.linspace(-reach, reach, columns)
    for index in range(prior.continuous):
        latents = z.repeat(columns, 1)
        latents[:, place + index] = positions
        rows.append(Row(f"continuous code {index + 1}", positions.tolist(), latents))
    return rows
