"""Regularisation of the discriminator: gradient penalties and weight clipping.

First the pure functions ``(score, real, fake) -> scalar``, each with its paper, side by side. ``score`` maps images
(N, C, H, W) to logits (N,), where an image's logit depends on no other image; ``real`` and ``fake`` are (N, C, H, W).
They compute in float32 (float64 for float64 images), with autocast off; the result can be differentiated by D's
parameters. Random numbers come from torch's global generator. Then the penalties of a run by name, ``PENALTIES``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

Score = Callable[[Tensor], Tensor]


def image_gradients(score: Score, images: Tensor) -> Tensor:
    """The gradient of every image's logit by that image, (N, C * H * W)."""
    images = _precise(images).requires_grad_()
    with torch.autocast(images.device.type, enabled=False):
        logits = score(images)
        (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradients.flatten(1)


def _precise(images: Tensor) -> Tensor:
    return images.detach().to(torch.promote_types(images.dtype, torch.float32))


def _distance_from_slope_1(score: Score, images: Tensor) -> Tensor:
    # The norm's own derivative at 0 is 0 in torch: a discriminator that is flat somewhere makes no NaN.
    return (torch.linalg.vector_norm(image_gradients(score, images), dim=1) - 1.0).square().mean()


# Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", section 4.1, without gamma.
def r1_penalty(score: Score, real: Tensor, fake: Tensor) -> Tensor:
    """1/2 E ||grad D(x)||^2 on real images: D is to be flat where the data are."""
    return 0.5 * image_gradients(score, real).square().sum(dim=1).mean()


# Mescheder et al. 2018, section 4.1, without gamma.
def r2_penalty(score: Score, real: Tensor, fake: Tensor) -> Tensor:
    """1/2 E ||grad D(G(z))||^2 on fake images."""
    return r1_penalty(score, fake, real)


# Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3, without lambda.
def gradient_penalty(score: Score, real: Tensor, fake: Tensor) -> Tensor:
    """E (||grad D(x)|| - 1)^2 at points drawn evenly from the lines between pairs of a real and a fake image."""
    real, fake = _precise(real), _precise(fake)
    fraction = torch.rand_like(real[:, :1, :1, :1])  # (N, 1, 1, 1)
    return _distance_from_slope_1(score, fake + fraction * (real - fake))


# Kodali et al. 2017, "On Convergence and Stability of GANs", with k = 1 and without lambda. The paper moves the data by
# noise from N(0, c); here it is as in its authors' code: noise u * std(x) / 2 on every pixel, u even on [0, 1), and
# then a point drawn evenly from the line between the image and its noisy self.
def dragan_penalty(score: Score, real: Tensor, fake: Tensor) -> Tensor:
    """E (||grad D(x)|| - 1)^2 around real images."""
    real = _precise(real)
    noise = 0.5 * real.std() * torch.rand_like(real)  # std: over all pixels of the batch
    fraction = torch.rand_like(real[:, :1, :1, :1])  # (N, 1, 1, 1)
    return _distance_from_slope_1(score, real + fraction * noise)


class Penalty(Protocol):
    """Regularisation of the discriminator in a run."""

    def due(self, d_updates: int) -> bool:
        """Whether the penalty is part of D's loss in the next update, after ``d_updates`` updates (from 0)."""
        ...

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """The weighted penalty, a scalar, which is added to D's loss when it is due."""
        ...

    def after_update(self, parameters: Iterable[nn.Parameter]) -> None:
        """Change D's parameters in place after each of its updates."""
        ...


# Arjovsky et al. 2017, "Wasserstein GAN", Algorithm 1.
@dataclass(frozen=True)
class Clipping:
    """Clip every parameter of D to [-limit, limit] after each update; limit is greater than 0."""

    limit: float = 0.01

    def due(self, d_updates: int) -> bool:
        return False

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return torch.zeros((), device=real.device)

    @torch.no_grad()
    def after_update(self, parameters: Iterable[nn.Parameter]) -> None:
        tensors = list[Tensor](parameters)
        torch._foreach_clamp_min_(tensors, -self.limit)
        torch._foreach_clamp_max_(tensors, self.limit)


# Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", section 3.1: lazy regularisation.
@dataclass(frozen=True, kw_only=True)
class LazyPenalty:
    """A penalty in every k-th update, k times as strong: the same on average, at a k-th of the cost.

    The penalty is part of the loss of that update. StyleGAN2's code makes a separate update for it, k + 1 instead of k,
    and compensates with Adam's settings: lr * c and betas ** c with c = k / (k + 1). Here Adam's settings are not
    changed.

    Attributes:
        every: k, in updates of D, 1 or more.
    """

    every: int = 1

    def due(self, d_updates: int) -> bool:
        return d_updates % self.every == 0

    def after_update(self, parameters: Iterable[nn.Parameter]) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(LazyPenalty):
    """``weight`` (lambda of the paper, greater than 0) times ``gradient_penalty``."""

    weight: float = 10.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.weight * gradient_penalty(score, real, fake)


@dataclass(frozen=True, kw_only=True)
class Dragan(LazyPenalty):
    """``weight`` (lambda of the paper, greater than 0) times ``dragan_penalty``."""

    weight: float = 10.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.weight * dragan_penalty(score, real, fake)


@dataclass(frozen=True, kw_only=True)
class R1(LazyPenalty):
    """``gamma`` (greater than 0) times ``r1_penalty``."""

    gamma: float = 10.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.gamma * r1_penalty(score, real, fake)


@dataclass(frozen=True, kw_only=True)
class R2(LazyPenalty):
    """``gamma`` (greater than 0) times ``r2_penalty``."""

    gamma: float = 10.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.gamma * r2_penalty(score, real, fake)


# Huang et al. 2024, "The GAN is dead; long live the GAN!", section 2.
@dataclass(frozen=True, kw_only=True)
class R1R2(LazyPenalty):
    """``gamma`` (greater than 0) times the sum of ``r1_penalty`` and ``r2_penalty``."""

    gamma: float = 1.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.gamma * (r1_penalty(score, real, fake) + r2_penalty(score, real, fake))


PENALTIES: dict[str, Callable[..., Penalty | None]] = {
    "none": lambda: None,
    "gradient_penalty": GradientPenalty,
    "dragan": Dragan,
    "r1": R1,
    "r2": R2,
    "r1_r2": R1R2,
    "clipping": Clipping,
}
