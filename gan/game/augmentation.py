"""Augmentation of all that the discriminator sees, real and fake alike, in both players' updates.

Few images are soon learnt by heart; changed at random on every look, they last longer. Augmenting the real images alone
would teach the generator to make augmented ones. Here every operation is differentiable, so the generator learns
through it (Zhao et al. 2020), and gradient penalties pass through it too. How often it acts is set, or follows from how
sure the discriminator is of real images (Karras et al. 2020).

An operation takes images (N, C, H, W), ``applied`` (N, 1, 1, 1), true for the images that it is to change, and the
`Pixels`; it returns images of that shape and dtype. Its random numbers come from torch's global generator of the
images' device, N or 2N of them whatever ``applied`` says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan.system.errors import ConfigError, unknown_name


class Pixels(NamedTuple):
    """The normalised values of a black and of a white pixel."""

    black: float = -1.0
    white: float = 1.0

    @classmethod
    def normalized(cls, mean: float, std: float) -> "Pixels":
        """After (x - mean) / std of pixels x in [0, 1]."""
        return cls(black=-mean / std, white=(1 - mean) / std)


# Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training": the operations that follow, with
# the ranges of its code. That fills with 0, mid-grey where images lie in [-1, 1]. The pictures here are drawn on black:
# a digit that is moved over black is still one, over grey it has an edge that no digit has.


def color(images: Tensor, applied: Tensor, pixels: Pixels) -> Tensor:
    """Brightness by up to a quarter of the pixel range either way, saturation times 0 … 2, contrast times 0.5 … 1.5.

    Saturation is there for three channels only. Values may leave the pixel range, and are not clamped: a clamp would
    have no gradient there.
    """
    images = images + applied * (_uniform(images) - 0.5) * (pixels.white - pixels.black) / 2
    if images.shape[1] == 3:
        grey = images.mean(1, keepdim=True)  # (N, 1, H, W)
        images = images + applied * (2 * _uniform(images) - 1) * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)  # (N, 1, 1, 1)
    return images + applied * (_uniform(images) - 0.5) * (images - mean)


def translation(images: Tensor, applied: Tensor, pixels: Pixels) -> Tensor:
    """Whole pixels down and across, each by up to an eighth of the size either way; black comes in at the border."""
    height, width = images.shape[2:]
    y = _positions(height, images) - _shift(height, images) * applied[:, 0, 0]  # (N, H): the row that comes here
    x = _positions(width, images) - _shift(width, images) * applied[:, 0, 0]  # (N, W)
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]  # (N, H, W)
    # Round the border, so that each pixel is read once and its gradient is no sum in an order that may vary.
    source = (y % height * width)[:, :, None] + (x % width)[:, None, :]  # (N, H, W)
    moved = images.flatten(2).gather(2, source.flatten(1)[:, None].expand(-1, images.shape[1], -1))
    return torch.where(inside[:, None], moved.view_as(images), pixels.black)


def cutout(images: Tensor, applied: Tensor, pixels: Pixels) -> Tensor:
    """A rectangle of half the height and half the width, anywhere about the image and partly outside it, black."""
    height, width = images.shape[2:]
    covered = _covered(height, images)[:, :, None] & _covered(width, images)[:, None, :]  # (N, H, W)
    return torch.where(covered[:, None] & applied, pixels.black, images)


Operation = Callable[[Tensor, Tensor, Pixels], Tensor]
OPERATIONS: dict[str, Operation] = {"color": color, "translation": translation, "cutout": cutout}


def augment(images: Tensor, policy: Sequence[str], probability: float | Tensor, pixels: Pixels) -> Tensor:
    """Images (N, C, H, W) after the operations of ``policy``, in that order; the images themselves if it is empty.

    Args:
        policy: names in ``OPERATIONS``.
        probability: of each operation on each image, independently; a number or a scalar tensor, in [0, 1].
        pixels: what black and white are.
    """
    for name in policy:
        applied = torch.rand(len(images), 1, 1, 1, device=images.device) < probability
        images = OPERATIONS[name](images, applied, pixels)
    return images


class Augmentation(nn.Module):
    """`augment` with a fixed probability. It adds nothing to checkpoints.

    Args:
        pixels: the normalised values of black and white.
        policy: operations in the order in which they act, of "color", "translation", "cutout"; none: images pass.
        probability: of each operation on each image, in [0, 1].

    Shapes: images (N, C, H, W) -> images (N, C, H, W).

    Raises:
        ConfigError: an operation that does not exist.
    """

    probability: Tensor

    def __init__(
        self,
        pixels: Pixels,
        policy: Sequence[str] = ("translation", "cutout"),
        probability: float = 1.0,
    ) -> None:
        super().__init__()
        for name in policy:
            if name not in OPERATIONS:
                raise ConfigError(unknown_name("policy", name, OPERATIONS))
        self.policy = tuple(policy)
        self.pixels = pixels
        self.register_buffer("probability", torch.tensor(float(probability)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return augment(images, self.policy, self.probability, self.pixels)

    def after_update(self, d_updates: int, mean_over_processes: Callable[[Tensor], Tensor], processes: int) -> None:
        """What is done after D's update number ``d_updates``, counted from 1: here, nothing."""


# Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", section 3.1, the heuristic r_t.
class AdaptiveAugmentation(Augmentation):
    """An augmentation whose probability rises while D is surer of real images than ``target``, and else falls.

    Only for objectives by which D's logit for a real image is above a boundary, known beforehand, and for a fake below.
    It observes D's logits for real images in every update of D, and adapts after every ``every``-th. What it has seen
    since and the probability are buffers, which checkpoints have.

    Args:
        pixels, policy: as for `Augmentation`.
        probability: at the start, in [0, 1].
        target: the mean sign of D's logits for real images to be held; greater than 0 and less than 1.
        speed_images: real images in which the probability can go from 0 to 1; greater than 0.
        every: D updates from one adaptation to the next; 1 or more.
    """

    sign_sum: Tensor
    images: Tensor

    def __init__(
        self,
        pixels: Pixels,
        policy: Sequence[str] = ("translation", "cutout"),
        probability: float = 0.0,
        target: float = 0.6,
        speed_images: float = 100_000,
        every: int = 4,
    ) -> None:
        super().__init__(pixels, policy, probability)
        self.target = target
        self.speed_images = speed_images
        self.every = every
        self.register_buffer("probability", self.probability)  # from here on a part of checkpoints
        self.register_buffer("sign_sum", torch.zeros(()))  # over the real images since the last adaptation
        self.register_buffer("images", torch.zeros(()))  # how many these are, of this process

    @torch.no_grad()
    def observe(self, real_logits: Tensor) -> None:
        """Take the logits (N,) of real images into account, above 0 where D takes an image for real."""
        self.sign_sum += real_logits.float().sign().sum()
        self.images += len(real_logits)

    @torch.no_grad()
    def after_update(self, d_updates: int, mean_over_processes: Callable[[Tensor], Tensor], processes: int) -> None:
        """Adapt if this is an update to adapt after, D's number ``d_updates`` counted from 1; else nothing."""
        if self.due(d_updates):
            self.adapt(mean_over_processes(self.sign_sum / self.images), self.images * processes)
            self.sign_sum.zero_()
            self.images.zero_()

    def due(self, d_updates: int) -> bool:
        """True if D's update number ``d_updates``, counted from 1, is one to adapt after."""
        return d_updates % self.every == 0

    @torch.no_grad()
    def adapt(self, mean_sign: Tensor, images: Tensor | int) -> None:
        """Move the probability by ``images / speed_images`` towards the target, within [0, 1]; no wait for the device.

        Args:
            mean_sign: of D's logits for real images, scalar, averaged over all processes, so that they stay alike: 0
                if D cannot tell, 1 if it is sure of each.
            images: real images since the last call, of all processes.
        """
        step = torch.sign(mean_sign - self.target) * (images / self.speed_images)
        self.probability.add_(step).clamp_(0.0, 1.0)


def _uniform(images: Tensor) -> Tensor:
    """A number in [0, 1) for each image, (N, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, device=images.device).to(images.dtype)


def _positions(size: int, images: Tensor) -> Tensor:
    return torch.arange(size, device=images.device)[None]  # (1, size)


def _shift(size: int, images: Tensor) -> Tensor:
    """A whole number of pixels for each image, (N, 1), from minus an eighth of the size to an eighth, rounded."""
    most = int(size / 8 + 0.5)
    return torch.randint(-most, most + 1, (len(images), 1), device=images.device)


def _covered(size: int, images: Tensor) -> Tensor:
    """Which positions an interval of half the size hides, its middle anywhere from end to end, (N, size)."""
    half = int(size / 2 + 0.5)
    first = torch.randint(0, size + 1 - half % 2, (len(images), 1), device=images.device) - half // 2
    positions = _positions(size, images)
    return (positions >= first) & (positions < first + half)


# Sønderby et al. 2017, "Amortised MAP Inference for Image Super-resolution", section 3.4: instance noise.
@dataclass(frozen=True)
class InstanceNoise:
    """Gaussian noise on all images that D sees, fading linearly to nothing.

    Attributes:
        std: at the start of the run, in units of normalised images; greater than 0.
        images: real images over which it fades; 1 or more.
    """

    std: float
    images: int = 500_000

    def __call__(self, images: Tensor, images_seen: int) -> Tensor:
        """Images (N, C, H, W) with the noise that is due after ``images_seen`` real images."""
        std = self.std * max(0.0, 1 - images_seen / self.images)
        return images + std * torch.randn_like(images) if std > 0 else images


# By name: from `Pixels`, and the settings, to what is done to images.
AUGMENTATIONS: dict[str, Callable[..., Augmentation | None]] = {
    "none": lambda pixels: None,
    "diffaugment": Augmentation,
    "adaptive": AdaptiveAugmentation,
}
