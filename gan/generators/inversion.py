"""Inversion: the latent of a given picture, by gradient descent on the reconstruction error."""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.data.normalization import normalize
from gan.game.latents import Prior
from gan.game.networks import adapting
from gan.generators.trained_generator import Labels, TrainedGenerator
from gan.system.errors import GanError

CANDIDATES = 1000  # random latents, of which the nearest are starting points
BETWEEN_QUANTILES = 2.576  # standard deviations of a normal distribution that contain 99 %


class Inversion(NamedTuple):
    """The result of an inversion.

    Attributes:
        z: float32 (prior.width,).
        label: its class; None for an unconditional generator.
        image: uint8 (C, H, W), the generated image of z.
        error: root mean square difference of ``image`` and the picture, with pixels in [0, 1].
        errors: the errors of all restarts, the best first.
        error_of_nearest: the error of the nearest of `CANDIDATES` random images, the first starting point.
    """

    z: Tensor
    label: int | None
    image: NDArray[np.uint8]
    error: float
    errors: list[float]
    error_of_nearest: float


def invert(
    trained: TrainedGenerator,
    picture: NDArray[np.uint8],
    *,
    labels: Labels = None,
    restarts: int = 8,
    steps: int = 300,
    lr: float = 0.05,
    seed: int = 0,
) -> Inversion:
    """Find the latent whose image is nearest to a picture (C, H, W), uint8.

    Adam minimises the mean squared error of several latents in parallel, starting from the nearest of `CANDIDATES`
    random latents. After each step they are projected to the typical set of the prior (`typical`): other latents would
    not represent what the generator has learned. Classes and categorical codes keep their initial values.

    Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold", section 3.1; Lipton & Tripathi
    2017, "Precise Recovery of Latent Vectors from Generative Adversarial Networks".

    Args:
        labels: the class to search, or several; None for all of them.

    Raises:
        GanError: the picture does not have the generator's size, the generator makes points, or a class does not
            exist.
    """
    if trained.points:
        raise GanError("this generator generates 2-D points, not images: there is no picture to find")
    if picture.shape != trained.image_shape:
        raise GanError(f"a picture of shape {picture.shape} given; {trained.image_shape} expected")
    device = next(trained.generator.parameters()).device
    mean, std = trained.metadata["mean"], trained.metadata["std"]
    target = normalize(torch.tensor(picture, device=device)[None], mean, std)
    z, classes, error_of_nearest = _starts(trained, picture, labels, restarts, seed)
    z, classes = z.to(device), None if classes is None else classes.to(device)
    z = _descend(trained, z, classes, target, steps=steps, lr=lr)
    images = trained.decode(z, classes)
    errors = rms(images, picture)
    best = int(errors.argmin())
    label = None if classes is None else int(classes[best])
    return Inversion(z[best].cpu(), label, images[best], float(errors[best]), sorted(errors.tolist()), error_of_nearest)


def rms(images: NDArray[np.uint8], picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Root mean square differences (N,) of images (N, C, H, W) to a picture (C, H, W), with pixels in [0, 1]."""
    return np.sqrt(((images / 255.0 - picture / 255.0) ** 2).mean(axis=(1, 2, 3)))


def typical(z: Tensor, prior: Prior) -> Tensor:
    """z (N, prior.width), projected to the typical set of the prior.

    Normal noise: to the range of lengths that contains 99 % (by Wilson and Hilferty's approximation of the chi-squared
    distribution). Uniform noise and continuous codes: to [-1, 1]. Categorical codes are not changed.
    """
    noise, categorical, continuous = z.split([prior.latent_dim, sum(prior.categorical), prior.continuous], dim=1)
    if prior.name == "normal":
        shortest, longest = (_length(prior.latent_dim, sign * BETWEEN_QUANTILES) for sign in (-1, 1))
        length = noise.norm(dim=1, keepdim=True)
        noise = noise * (length.clamp(shortest, longest) / length.clamp_min(1e-12))
    else:
        noise = noise.clamp(-1, 1)
    return torch.cat([noise, categorical, continuous.clamp(-1, 1)], dim=1)


def candidates(prior: Prior, seed: int) -> Tensor:
    """`CANDIDATES` latents of a seed, different from those of `TrainedGenerator.sample`."""
    return typical(prior.fixed(CANDIDATES, seed=seed, purpose="starts of an inversion"), prior)


def _length(dim: int, deviations: float) -> float:
    """The length of normal noise at the quantile of ``deviations`` standard deviations."""
    cube_root = 1 - 2 / (9 * dim) + deviations * math.sqrt(2 / (9 * dim))
    return math.sqrt(dim * max(cube_root, 0.0) ** 3)


def _starts(
    trained: TrainedGenerator, picture: NDArray[np.uint8], labels: Labels, restarts: int, seed: int
) -> tuple[Tensor, Tensor | None, float]:
    """The nearest random latents, their classes, and the smallest error."""
    z = candidates(trained.prior, seed)
    classes = trained.labels(labels, CANDIDATES)
    errors = rms(trained.decode(z, classes), picture)
    nearest = torch.as_tensor(errors.argsort(kind="stable")[:restarts].copy())
    return z[nearest], None if classes is None else classes[nearest], float(errors.min())


def _descend(
    trained: TrainedGenerator, z: Tensor, classes: Tensor | None, target: Tensor, *, steps: int, lr: float
) -> Tensor:
    """Improve each z (N, width) by Adam with a cosine learning-rate schedule; return the best of all steps."""
    z = z.clone().requires_grad_()
    fixed = trained.prior.latent_dim, trained.prior.latent_dim + sum(trained.prior.categorical)
    optimizer = torch.optim.Adam([z], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(steps, 1))
    best, least = z.detach().clone(), torch.full((len(z),), math.inf, device=z.device)
    for step in range(steps + 1):
        images = adapting.generate(trained.generator, z, classes)
        errors = (images - target).square().mean(dim=(1, 2, 3))
        better = errors.detach() < least
        best[better], least[better] = z.detach()[better], errors.detach()[better]
        if step == steps:
            break
        optimizer.zero_grad()
        errors.sum().backward()
        z.grad[:, fixed[0] : fixed[1]] = 0  # type: ignore[index]
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            z.copy_(typical(z, trained.prior))
    return best
