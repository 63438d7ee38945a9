"""Directions in the latents along which images change: random ones, principal ones, and InfoGAN's codes."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan.game.latents import Prior
from gan.system.errors import GanError, unknown_name

KINDS = ("pca", "random", "codes")
CODE_REACH = 2.0  # of continuous codes, in units of their range: Chen et al. 2016 show -2 … 2


class Row(NamedTuple):
    """One direction: what it is called, and latents along it.

    Attributes:
        name: such as "principal 1" or "continuous code 2".
        positions: how far along it each latent is, in units of the prior's noise; of a categorical code, the class.
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
    """Rows of latents that leave z (prior.width,) along one direction each, and all else as it is.

    Args:
        kind: "pca": `principal_directions`; "random": orthonormal ones, drawn from the seed; "codes": InfoGAN's, each
            categorical code with all of its classes, each continuous one over its range and beyond.
        count: of principal or random directions; at most the prior's latent_dim are given.
        columns: latents in a row, 2 or more. In the middle of an odd number stands z itself.
        reach: the row goes from -reach to reach: by default 3 of normal noise, 1 of uniform noise (whose components
            stay in [-1, 1]), and 2 of a continuous code.

    Raises:
        GanError: a kind that does not exist, codes where the prior has none, a reach that is not above 0.
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
    positions = torch.linspace(-1, 1, columns) * (reach or (3.0 if prior.name == "normal" else 1.0))
    name = "principal" if kind == "pca" else "random"
    return [Row(f"{name} {1 + i}", positions.tolist(), _along(z, v, positions, prior)) for i, v in enumerate(vectors)]


def principal_directions(generator: nn.Module, prior: Prior) -> Tensor:
    """Orthonormal directions of the noise (K, latent_dim), those first that move the first layer's output most.

    Härkönen et al. 2020, "GANSpace: Discovering Interpretable GAN Controls": the principal components of the first
    layer's activations, and the latents that lead to them. Where that layer is linear and the noise has the same
    variance in all directions, both are known without drawing a sample: the singular vectors of its weights (Shen &
    Zhou 2021, "Closed-Form Factorization of Latent Semantics in GANs"). The sign is free: the largest part is positive.

    Raises:
        GanError: the network does not begin with a linear layer on z.
    """
    first = next((m for m in generator.modules() if isinstance(m, nn.Linear | nn.ConvTranspose2d)), None)
    if isinstance(first, nn.Linear):
        weight = first.weight  # (outputs, inputs)
    elif first is not None:
        weight = first.weight.flatten(1).T  # (inputs, channels, height, width) -> (outputs, inputs)
    if first is None or weight.shape[1] < prior.latent_dim:
        raise GanError("directions: this network does not begin with a linear layer on z; try random")
    vectors = torch.linalg.svd(weight[:, : prior.latent_dim].detach().cpu().double(), full_matrices=False).Vh
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return (vectors * largest.sign()).float()


def random_directions(latent_dim: int, count: int, seed: int) -> Tensor:
    """(min(count, latent_dim), latent_dim), orthonormal; the first ones do not depend on how many there are."""
    drawn = Prior("normal", latent_dim).fixed(min(count, latent_dim), seed=seed, purpose="directions")
    return torch.linalg.qr(drawn.cpu().double().T).Q.T.float()


def moved(z: Tensor, offsets: Tensor, prior: Prior) -> Tensor:
    """Latents z (N, prior.width) with offsets (N, latent_dim) or (latent_dim,) added to their noise.

    The components of uniform noise stay in [-1, 1]; codes stay as they are.
    """
    noise = z[:, : prior.latent_dim] + offsets
    return torch.cat([noise if prior.name == "normal" else noise.clamp(-1, 1), z[:, prior.latent_dim :]], dim=1)


def _along(z: Tensor, direction: Tensor, positions: Tensor, prior: Prior) -> Tensor:
    """(columns, width): z moved along a direction of the noise."""
    return moved(z.repeat(len(positions), 1), positions[:, None] * direction, prior)


def _code_rows(z: Tensor, prior: Prior, columns: int, reach: float) -> list[Row]:
    if not prior.has_codes:
        raise GanError("directions: this generator has no codes (experiment=infogan has); try pca or random")
    rows = []
    place = prior.latent_dim
    for index, classes in enumerate(prior.categorical):
        latents = z.repeat(classes, 1)
        latents[:, place : place + classes] = torch.eye(classes)
        rows.append(Row(f"categorical code {index + 1}", [float(number) for number in range(classes)], latents))
        place += classes
    positions = torch.linspace(-reach, reach, columns)
    for index in range(prior.continuous):
        latents = z.repeat(columns, 1)
        latents[:, place + index] = positions
        rows.append(Row(f"continuous code {index + 1}", positions.tolist(), latents))
    return rows
