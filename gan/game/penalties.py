"""Regularisation of the discriminator: gradient penalties and weight clipping.

First the pure functions ``(score, real, fake) -> scalar``, each with its paper, side by side. ``score`` maps images
(N, C, H, W) to logits (N,), where an image's logit depends on no other image; ``real`` and ``fake`` are (N, C, H, W).
They compute in float32 (float64 for float64 images), with autocast off; the result can be differentiated by D's
parameters. Random numbers come from torch's global generator. Then the penalties of
`penalty=NAME`, one class each.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from gan.system.ranges import PositiveFloat, PositiveInt
from gan.system.value_types import Checked

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


class Penalty(Checked, ABC):
    """Regularisation of the discriminator in a run; base class of all penalties.

    A subclass implements ``__call__``. Its settings are the arguments of its constructor.

    Attributes:
        per_image: it takes the gradient for one image, so an image's logit may not depend on the other images, as it
            does with batch normalisation.
        bounds_slope: it limits how steep D is, as the Wasserstein objective needs.
        in_loss: it is a term of D's loss, and is logged.
    """

    per_image: ClassVar[bool] = True
    bounds_slope: ClassVar[bool] = True
    in_loss: ClassVar[bool] = True

    def due(self, d_updates: int) -> bool:
        """Whether the penalty is part of D's loss in the next update, after ``d_updates`` updates (from 0)."""
        return True

    @abstractmethod
    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """The weighted penalty, a scalar, which is added to D's loss when it is due."""

    def after_update(self, parameters: Iterable[nn.Parameter]) -> None:  # most penalties need none
        """Change D's parameters in place after each of its updates; by default nothing."""


# Arjovsky et al. 2017, "Wasserstein GAN", Algorithm 1.
@dataclass(frozen=True)
class Clipping(Penalty):
    """Clip every parameter of D after each of its updates.

    Attributes:
        limit: largest absolute value of a parameter of D, after each of its updates.
    """

    per_image = False
    in_loss = False
    limit: PositiveFloat = 0.01

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
class LazyPenalty(Penalty):
    """A penalty in every k-th update, k times as strong: the same on average, at a k-th of the cost.

    The penalty is part of the loss of that update. StyleGAN2's code makes a separate update for it, k + 1 instead of k,
    and compensates with Adam's settings: lr * c and betas ** c with c = k / (k + 1). Here Adam's settings are not
    changed.

    Attributes:
        every: number k: the penalty is applied only in every k-th update of D, with k times the weight. The logged
            ``train/penalty`` is the mean over these updates.
    """

    every: PositiveInt = 1

    def due(self, d_updates: int) -> bool:
        return d_updates % self.every == 0


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(LazyPenalty):
    """``weight`` times `gradient_penalty`.

    Attributes:
        weight: weight of the penalty: lambda.
    """

    weight: PositiveFloat = 10.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.weight * gradient_penalty(score, real, fake)


@dataclass(frozen=True, kw_only=True)
class Dragan(LazyPenalty):
    """``weight`` times `dragan_penalty`.

    Attributes:
        weight: weight of the penalty: lambda.
    """

    weight: PositiveFloat = 10.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.weight * dragan_penalty(score, real, fake)


@dataclass(frozen=True, kw_only=True)
class R1(LazyPenalty):
    """``gamma`` times `r1_penalty`.

    Attributes:
        gamma: weight of the penalty: gamma / 2 times the mean squared gradient norm.
    """

    gamma: PositiveFloat = 10.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.gamma * r1_penalty(score, real, fake)


@dataclass(frozen=True, kw_only=True)
class R2(LazyPenalty):
    """``gamma`` times `r2_penalty`.

    Attributes:
        gamma: weight of the penalty: gamma / 2 times the mean squared gradient norm.
    """

    gamma: PositiveFloat = 10.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.gamma * r2_penalty(score, real, fake)


# Huang et al. 2024, "The GAN is dead; long live the GAN!", section 2.
@dataclass(frozen=True, kw_only=True)
class R1R2(LazyPenalty):
    """``gamma`` times the sum of `r1_penalty` and `r2_penalty`.

    Attributes:
        gamma: weight of the penalty: gamma / 2 times the mean squared gradient norm, for real and for fake images.
    """

    gamma: PositiveFloat = 1.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.every * self.gamma * (r1_penalty(score, real, fake) + r2_penalty(score, real, fake))
