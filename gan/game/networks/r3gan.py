"""Networks without normalisation: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline".

Residual blocks of grouped convolutions without activation or normalisation on the skip connections, linear resampling,
and an initialisation with which every block starts as the identity (Zhang et al. 2019, "Fixup Initialization"). The
paper trains them with a relativistic objective, R1 and R2. Differences: the networks are smaller (the paper has 768
channels and two blocks at each size); the generator ends with a tanh, because our images are in [-1, 1]; up-sampling
repeats the border, where the authors' code pads with zeros (``upsampling_border="zeros"``).
"""

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from gan.game.networks.discriminator import Discriminator, Trunk, trunk_shape
from gan.game.networks.generator import Generator
from gan.game.networks.layers import one_of
from gan.game.sizes import (
    PYRAMID,
    Channels,
    DiscriminatorConditioning,
    PyramidChannels,
    pyramid,
    side,
    widths,
)
from gan.system.ranges import Dropout

SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2 / (1 + SLOPE**2))  # compensates the leaky_relu
GROUP_WIDTH = 16  # channels of one group of a grouped convolution, as in the paper's networks
BORDERS = ("edge", "zeros")
EXPANSION = 2  # ratio of the channels inside a block to those outside


class Convolution(nn.Conv2d):
    """A convolution that keeps the size; weights from N(0, gain / sqrt(fan in)) (He et al. 2015), biases 0."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, gain: float = 1.0, groups: int = 1, bias: bool = False
    ) -> None:
        self.gain = gain
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, 0.0, self.gain / math.sqrt(self.weight[0].numel()))
        if self.bias is not None:
            nn.init.zeros_(self.bias)


def initialise(module: nn.Module) -> None:
    """The same initialisation of linear layers, with a gain of 1."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0.0, 1 / math.sqrt(module.in_features))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class ResidualBlock(nn.Module):
    """x (N, channels, h, w) -> the same shape; initially the identity.

    Args:
        depth: residual blocks in the whole network, for the scale of the initial weights.
        dropout: probability, before the last convolution (Zagoruyko & Komodakis 2016, "Wide Residual Networks").
    """

    def __init__(self, channels: int, depth: int, dropout: float = 0.0) -> None:
        super().__init__()
        inside = channels * EXPANSION
        groups = inside // math.gcd(inside, GROUP_WIDTH)
        gain = ACTIVATION_GAIN * depth ** (-1 / 4)  # depth^(-1 / (2m - 2)) with m = 3 convolutions in a block
        self.branch = nn.Sequential(
            Convolution(channels, inside, 1, gain=gain, bias=True),
            nn.LeakyReLU(SLOPE, inplace=True),
            Convolution(inside, inside, 3, gain=gain, groups=groups, bias=True),
            nn.LeakyReLU(SLOPE, inplace=True),
            *([nn.Dropout(dropout)] if dropout > 0 else []),
            Convolution(inside, channels, 1, gain=0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class Upsample(nn.Module):
    """x (N, inputs, size // 2, size // 2) -> (N, outputs, size, size), bilinear.

    Args:
        border: padding of x. "edge": its border values. "zeros": as in the authors' code (github.com/brownvc/R3GAN,
            ``InterpolativeUpsampler``: a transposed convolution with [1, 3, 3, 1] / 4, padded with zeros), which scales
            the outermost row and column on each side by 3/4.
    """

    border: Tensor | None

    def __init__(self, inputs: int, outputs: int, size: int, border: str = "edge") -> None:
        super().__init__()
        self.size = size
        self.mix = Convolution(inputs, outputs, 1)
        self.register_buffer("border", None)
        if border == "zeros":
            # The first new position is (1 - small / size) / 2 of an old pixel outside the first old one.
            weights = torch.ones(size)
            weights[0] = weights[-1] = 0.5 + 0.5 * (size // 2) / size
            self.border = torch.outer(weights, weights)

    def forward(self, x: Tensor) -> Tensor:
        x = interpolate(self.mix(x), size=self.size, mode="bilinear", align_corners=False)
        return x if self.border is None else x * self.border


class Downsample(nn.Module):
    """x (N, inputs, h, w) -> (N, outputs, h // 2, w // 2), with the filter [1, 3, 3, 1] / 8."""

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        weights = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(weights, weights).expand(inputs, 1, 4, 4).clone())
        self.mix = Convolution(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(conv2d(x, self.kernel, stride=2, padding=1, groups=x.shape[1]))


class R3GANGenerator(Generator):
    """latent_dim -> learned maps, scaled by a linear function of z -> residual blocks at each size -> image, tanh.

    Args:
        latent_dim: components of z.
        image_shape: (C, H, W), H = W of 8 or more.
        num_classes: classes of the labels; 0 for none.
        clusters: clusters of the training images; 0 for none.
        base_channels: number of channels at half the image's size; half as many at the whole size, twice as many at a
            quarter, and so on.
        blocks: number of residual blocks at each size.
        upsampling_border: padding of upsampling: edge, the border values; zeros, as in the authors' code.
        conditioning: use of the class: concat, an embedding appended to z.

    Shapes: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1].
    """

    sizes = PYRAMID

    def __init__(
        self,
        *,
        latent_dim: int,
        image_shape: tuple[int, int, int],
        num_classes: int = 0,
        clusters: int = 0,
        base_channels: PyramidChannels = 32,
        blocks: Channels = 1,
        upsampling_border: Literal["edge", "zeros"] = "edge",
        conditioning: Literal["none", "concat"] = "none",
    ) -> None:
        super().__init__(latent_dim, num_classes, conditioning, clusters=clusters)
        one_of(BORDERS, upsampling_border=upsampling_border)
        sizes = pyramid(side(image_shape))
        channels = widths(base_channels, len(sizes))
        depth = blocks * len(sizes)
        self.basis = nn.Parameter(torch.randn(channels[0], sizes[0], sizes[0]))
        self.input = nn.Linear(self.input_width, channels[0], bias=False).apply(initialise)
        layers: list[nn.Module] = [ResidualBlock(channels[0], depth) for _ in range(blocks)]
        for (inputs, outputs), size in zip(itertools.pairwise(channels), sizes[1:], strict=True):
            layers += [
                Upsample(inputs, outputs, size, upsampling_border),
                *(ResidualBlock(outputs, depth) for _ in range(blocks)),
            ]
        self.layers = nn.Sequential(*layers, Convolution(channels[-1], image_shape[0], 1), nn.Tanh())

    def decode(self, z: Tensor, labels: Tensor | None) -> Tensor:
        # (N, input_width) -> (N, channels, 4 … 7, 4 … 7) -> (N, C, H, W)
        return self.layers(self.input(z)[:, :, None, None] * self.basis)


class R3GANTrunk(Trunk):
    """Image -> residual blocks at each size -> the last map, each channel summed with learned weights of its positions.

    Args:
        image_shape: (C, H, W), H = W of 8 or more.
        base_channels: channels at half the image's size; half as many at the whole size, twice as many at a quarter.
        blocks: number of residual blocks at each size.
        dropout: probability, in each block before the last convolution; 0 for none.

    Shapes: images (N, C, H, W) -> features (N, channels of the last map).
    """

    initialise = staticmethod(initialise)
    allows_spectral_norm = False  # the last weights of its blocks are initially 0, without a singular vector

    def __init__(
        self, *, image_shape: tuple[int, int, int], base_channels: int = 32, blocks: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        sizes = pyramid(side(image_shape))
        channels = widths(base_channels, len(sizes))[::-1]
        depth = blocks * len(sizes)
        layers: list[nn.Module] = [Convolution(image_shape[0], channels[0], 1)]
        for inputs, outputs in itertools.pairwise(channels):
            layers += [*(ResidualBlock(inputs, depth, dropout) for _ in range(blocks)), Downsample(inputs, outputs)]
        last = channels[-1]
        layers += [ResidualBlock(last, depth, dropout) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers)
        self.basis = nn.Conv2d(last, last, sizes[0], groups=last, bias=False)
        nn.init.normal_(self.basis.weight, 0.0, 1 / sizes[0])  # fan in: size * size positions of one channel
        self.num_features = last

    def forward(self, images: Tensor) -> Tensor:
        return self.basis(self.layers(images)).flatten(1)  # (N, C, H, W) -> (N, num_features, 1, 1) -> (N, …)


class R3GANDiscriminator(Discriminator):
    """A discriminator without normalisation: `R3GANTrunk` with the heads of `Discriminator`.

    Spectral normalisation is not possible: the last weights of the blocks are initially 0.

    Args:
        image_shape: (C, H, W), H = W of 8 or more.
        num_classes, categorical_codes, continuous_codes: as for `Discriminator`.
        base_channels: number of channels at half the image's size; half as many at the whole size, twice as many at a
            quarter, and so on.
        blocks: number of residual blocks at each size.
        dropout: dropout probability before the last convolution of each block; 0: no dropout.
        conditioning: use of the class: concat, an additional channel of the image; projection, a product with the
            features added to the logit; auxiliary, predicted by an additional head (AC-GAN); projection_twin, a
            projection and two such heads, one for real and one for generated images.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        num_classes: int = 0,
        categorical_codes: Sequence[int] = (),
        continuous_codes: int = 0,
        base_channels: PyramidChannels = 32,
        blocks: Channels = 1,
        dropout: Dropout = 0.0,
        conditioning: DiscriminatorConditioning = "none",
    ) -> None:
        shape = trunk_shape(image_shape, conditioning)
        super().__init__(
            R3GANTrunk(image_shape=shape, base_channels=base_channels, blocks=blocks, dropout=dropout),
            image_shape=image_shape,
            num_classes=num_classes,
            categorical_codes=categorical_codes,
            continuous_codes=continuous_codes,
            conditioning=conditioning,
        )
