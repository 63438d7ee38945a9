"""Differentiable augmentation of all real and fake images before the discriminator, in the updates of both networks.

It prevents the discriminator from memorising small datasets. If only real images were augmented, the generator would
learn to make augmented images. The operations are differentiable, so the generator (Zhao et al. 2020) and gradient
penalties get gradients through them. Their probability is fixed, or adapted to the discriminator's accuracy on real
images (Karras et al. 2020).

An operation takes images (N, C, H, W), ``applied`` (N, 1, 1, 1), true for the images to change, and the `Pixels`; it
returns images of the same shape and dtype. Its N or 2N random numbers come from torch's global generator of the images'
device and do not depend on ``applied``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from gan.system.ranges import Fraction, NonNegativeFloat, PositiveFloat, PositiveInt, Range, SomeOf
from gan.system.value_types import Checked

Policy = Annotated[Sequence[str], SomeOf(("color", "translation", "cutout"))]


@dataclass(frozen=True)
class Pixels:
    """The normalised values of a black and of a white pixel."""

    black: float = -1.0
    white: float = 1.0

    @classmethod
    def normalized(cls, mean: float, std: float) -> "Pixels":
        """The values after (x - mean) / std for pixels x in [0, 1]."""
        return cls(black=-mean / std, white=(1 - mean) / std)


# Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training": the following operations, with the
# ranges of its code. Its code fills with 0, which is grey for images in [-1, 1]. Here the fill colour is black, the
# background of our images: a digit moved over grey would have an edge that no real digit has.


def color(images: Tensor, applied: Tensor, pixels: Pixels) -> Tensor:
    """Brightness by up to a quarter of the pixel range either way, saturation times 0 … 2, contrast times 0.5 … 1.5.

    Saturation applies to three channels only. Values outside the pixel range are not clamped, because a clamp has no
    gradient there.
    """
    images = images + applied * (_uniform(images) - 0.5) * (pixels.white - pixels.black) / 2
    if images.shape[1] == 3:
        grey = images.mean(1, keepdim=True)  # (N, 1, H, W)
        images = images + applied * (2 * _uniform(images) - 1) * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)  # (N, 1, 1, 1)
    return images + applied * (_uniform(images) - 0.5) * (images - mean)


def translation(images: Tensor, applied: Tensor, pixels: Pixels) -> Tensor:
    """Shift by whole pixels, down and across, by up to an eighth of the size in each direction; the border is black."""
    height, width = images.shape[2:]
    y = _positions(height, images) - _shift(height, images) * applied[:, 0, 0]  # (N, H): the row that moves here
    x = _positions(width, images) - _shift(width, images) * applied[:, 0, 0]  # (N, W)
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]  # (N, H, W)
    # Indices wrap around, so that each pixel is read once: its gradient is then no sum with a varying order.
    source = (y % height * width)[:, :, None] + (x % width)[:, None, :]  # (N, H, W)
    moved = images.flatten(2).gather(2, source.flatten(1)[:, None].expand(-1, images.shape[1], -1))
    return torch.where(inside[:, None], moved.view_as(images), pixels.black)


def cutout(images: Tensor, applied: Tensor, pixels: Pixels) -> Tensor:
    """A black rectangle of half the height and width at a random position, possibly partly outside the image."""
    height, width = images.shape[2:]
    covered = _covered(height, images)[:, :, None] & _covered(width, images)[:, None, :]  # (N, H, W)
    return torch.where(covered[:, None] & applied, pixels.black, images)


Operation = Callable[[Tensor, Tensor, Pixels], Tensor]
OPERATIONS: dict[str, Operation] = {"color": color, "translation": translation, "cutout": cutout}


def augment(images: Tensor, policy: Sequence[str], probability: float | Tensor, pixels: Pixels) -> Tensor:
    """Apply the operations of ``policy`` to images (N, C, H, W), in that order; no operation if it is empty.

    Args:
        policy: names in ``OPERATIONS``.
        probability: of each operation on each image, independently; a number or a scalar tensor, in [0, 1].
        pixels: the values of black and white.
    """
    for name in policy:
        applied = torch.rand(len(images), 1, 1, 1, device=images.device) < probability
        images = OPERATIONS[name](images, applied, pixels)
    return images


class Augmentation(Checked, nn.Module):
    """An operation on all images before the discriminator; base class of all augmentations.

    A subclass implements ``forward``: images (N, C, H, W) -> images (N, C, H, W), differentiable. If its constructor
    has an argument ``pixels``, it gets the normalised values of black and white (`Pixels`).

    Attributes:
        needs_boundary: it needs an objective with a fixed boundary between the logits of real images and of fakes.
    """

    needs_boundary: ClassVar[bool] = False

    def after_update(self, d_updates: int, mean_over_processes: Callable[[Tensor], Tensor], processes: int) -> None:
        """Called after D's update number ``d_updates``, counted from 1; by default does nothing."""


class DiffAugment(Augmentation):
    """`augment` with a fixed probability, without a state in checkpoints.

    Args:
        pixels: the normalised values of black and white.
        policy: the operations, in this order.
        probability: probability of each operation on each image.

    Shapes: images (N, C, H, W) -> images (N, C, H, W).

    Raises:
        ConfigError: an operation does not exist, or the probability is not in [0, 1].
    """

    probability: Tensor

    def __init__(
        self,
        pixels: Pixels = Pixels(),  # a constant
        policy: Policy = ("translation", "cutout"),
        probability: Fraction = 1.0,
    ) -> None:
        super().__init__()
        self.policy = tuple(policy)
        self.pixels = pixels
        self.register_buffer("probability", torch.tensor(float(probability)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return augment(images, self.policy, self.probability, self.pixels)


# Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", section 3, the heuristic r_t.
class AdaptiveAugmentation(DiffAugment):
    """An augmentation whose probability rises while the mean sign of D's real logits is above ``target``, else falls.

    Only for objectives with a fixed boundary between D's logits of real images (above) and of fakes (below). It
    observes D's logits for real images in every update of D, and adapts after every ``every``-th update. Checkpoints
    contain the probability and the observations since the last adaptation.

    Args:
        pixels: the normalised values of black and white.
        policy: the operations, in this order.
        probability: initial probability of each operation on each image.
        target: target of the mean sign of D's logits for real images.
        speed_images: real images in which the probability can change from 0 to 1.
        every: number of D updates between two adaptations.
    """

    needs_boundary = True

    sign_sum: Tensor
    images: Tensor

    def __init__(
        self,
        pixels: Pixels = Pixels(),  # a constant
        policy: Policy = ("translation", "cutout"),
        probability: Fraction = 0.0,
        target: Annotated[float, Range(above=0, below=1)] = 0.6,
        speed_images: PositiveFloat = 100_000,
        every: PositiveInt = 4,
    ) -> None:
        super().__init__(pixels, policy, probability)
        self.target = target
        self.speed_images = speed_images
        self.every = every
        self.register_buffer("probability", self.probability)  # persistent: part of checkpoints
        self.register_buffer("sign_sum", torch.zeros(()))  # over the real images since the last adaptation
        self.register_buffer("images", torch.zeros(()))  # their number, in this process

    @torch.no_grad()
    def observe(self, real_logits: Tensor) -> None:
        """Add the logits (N,) of real images; above 0 means classified as real."""
        self.sign_sum += real_logits.float().sign().sum()
        self.images += len(real_logits)

    @torch.no_grad()
    def after_update(self, d_updates: int, mean_over_processes: Callable[[Tensor], Tensor], processes: int) -> None:
        """Adapt the probability if it is due after D's update number ``d_updates``, counted from 1."""
        if self.due(d_updates):
            self.adapt(mean_over_processes(self.sign_sum / self.images), self.images * processes)
            self.sign_sum.zero_()
            self.images.zero_()

    def due(self, d_updates: int) -> bool:
        """Whether the probability is adapted after D's update number ``d_updates``, counted from 1."""
        return d_updates % self.every == 0

    @torch.no_grad()
    def adapt(self, mean_sign: Tensor, images: Tensor | int) -> None:
        """Change the probability by ``images / speed_images``, within [0, 1], without waiting for the device.

        Args:
            mean_sign: mean sign of D's logits for real images, scalar, averaged over all processes, so that they stay
                equal: 0 if D is at chance, 1 if it classifies all of them as real.
            images: real images since the last call, of all processes.
        """
        step = torch.sign(mean_sign - self.target) * (images / self.speed_images)
        self.probability.add_(step).clamp_(0.0, 1.0)


def _uniform(images: Tensor) -> Tensor:
    """A uniform number in [0, 1) for each image, (N, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, device=images.device).to(images.dtype)


def _positions(size: int, images: Tensor) -> Tensor:
    return torch.arange(size, device=images.device)[None]  # (1, size)


def _shift(size: int, images: Tensor) -> Tensor:
    """A whole number of pixels for each image, (N, 1), from minus an eighth of the size to an eighth, rounded."""
    most = int(size / 8 + 0.5)
    return torch.randint(-most, most + 1, (len(images), 1), device=images.device)


def _covered(size: int, images: Tensor) -> Tensor:
    """Mask (N, size) of an interval of half the size, whose centre is uniform over all positions."""
    half = int(size / 2 + 0.5)
    first = torch.randint(0, size + 1 - half % 2, (len(images), 1), device=images.device) - half // 2
    positions = _positions(size, images)
    return (positions >= first) & (positions < first + half)


# Sønderby et al. 2017, "Amortised MAP Inference for Image Super-resolution", section 3.4: instance noise.
@dataclass(frozen=True)
class InstanceNoise(Checked):
    """Gaussian noise on all images before D, with a standard deviation that decreases linearly to 0.

    Args:
        std: standard deviation of Gaussian noise on all images for D at the start, in units of normalised images; 0 for
            no noise.
        images: number of real images after which the noise is 0; it decreases linearly.
    """

    std: NonNegativeFloat = 0.0
    images: PositiveInt = 500_000

    def __call__(self, images: Tensor, images_seen: int) -> Tensor:
        """Add the noise after ``images_seen`` real images to images (N, C, H, W)."""
        std = self.std * max(0.0, 1 - images_seen / self.images)
        return images + std * torch.randn_like(images) if std > 0 else images
