"""Networks without normalisation: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline".

Blocks of grouped convolutions, no activation and no normalisation on the way around them, linear resampling, and first
weights by which every block begins as the identity (Zhang et al. 2019, "Fixup Initialization"). The paper trains them
with a relativistic objective, R1 and R2. Here they are smaller: the paper's are 768 channels wide, with two blocks at
each size. And the generator ends in a tanh, which the paper's does not: our images lie in [-1, 1]. Up-sampling repeats
the outermost values at the border, where the authors' code has zeros: ``upsampling_border="zeros"`` is theirs.
"""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from gan.game.networks.discriminator import Trunk
from gan.game.networks.generator import Generator
from gan.game.networks.layers import one_of
from gan.game.sizes import pyramid, side, widths

SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2 / (1 + SLOPE**2))  # by which leaky_relu makes a signal smaller
GROUP_WIDTH = 16  # channels of one group of a grouped convolution, as in the paper's networks
BORDERS = ("edge", "zeros")
EXPANSION = 2  # inside a block there are as many times more channels


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
    """The same for linear maps, with a gain of 1."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0.0, 1 / math.sqrt(module.in_features))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class ResidualBlock(nn.Module):
    """x (N, channels, h, w) -> the same shape; at first, the same values.

    Args:
        depth: residual blocks in the whole network, by which the first weights are scaled.
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
        border: what is thought to lie around x. "edge": its outermost values once more. "zeros": as in the authors'
            code (github.com/brownvc/R3GAN, ``InterpolativeUpsampler``: a transposed convolution by [1, 3, 3, 1] / 4,
            padded with zeros), by which the outermost row and column on each side are 3/4 as large.
    """

    border: Tensor | None

    def __init__(self, inputs: int, outputs: int, size: int, border: str = "edge") -> None:
        super().__init__()
        self.size = size
        self.mix = Convolution(inputs, outputs, 1)
        self.register_buffer("border", None)
        if border == "zeros":
            # The first new place lies (1 - small / size) / 2 of an old place beyond the first old one.
            weights = torch.ones(size)
            weights[0] = weights[-1] = 0.5 + 0.5 * (size // 2) / size
            self.border = torch.outer(weights, weights)

    def forward(self, x: Tensor) -> Tensor:
        x = interpolate(self.mix(x), size=self.size, mode="bilinear", align_corners=False)
        return x if self.border is None else x * self.border


class Downsample(nn.Module):
    """x (N, inputs, h, w) -> (N, outputs, h // 2, w // 2), by the weights [1, 3, 3, 1] / 8: bilinear, twice as wide."""

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        weights = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(weights, weights).expand(inputs, 1, 4, 4).clone())
        self.mix = Convolution(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(conv2d(x, self.kernel, stride=2, padding=1, groups=x.shape[1]))


class R3GANGenerator(Generator):
    """latent_dim -> learned maps, each times a number that z decides -> residual blocks at each size -> image, tanh.

    Args:
        latent_dim: components of z.
        image_shape: (C, H, W), H = W of 8 or more.
        num_classes: classes of the labels; 0 where there are none.
        base_channels: channels at half the image's size; half as many at the whole size, twice as many at a quarter.
        blocks: residual blocks at each size.
        upsampling_border: "edge", or "zeros" as in the authors' code: `Upsample` says what it means.
        conditioning: "none" or "concat", as `Generator` says.

    Shapes: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1].
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        image_shape: tuple[int, int, int],
        num_classes: int = 0,
        base_channels: int = 32,
        blocks: int = 1,
        upsampling_border: str = "edge",
        conditioning: str = "none",
    ) -> None:
        super().__init__(latent_dim, num_classes, conditioning)
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
    """Image -> residual blocks at each size -> the last map, each channel weighed by learned weights for its places.

    Args:
        image_shape: (C, H, W), H = W of 8 or more.
        base_channels: channels at half the image's size; half as many at the whole size, twice as many at a quarter.
        blocks: residual blocks at each size.
        dropout: probability, in each block before the last convolution; 0 for none.

    Shapes: images (N, C, H, W) -> features (N, channels of the last map).
    """

    initialise = staticmethod(initialise)
    allows_spectral_norm = False  # its blocks end in weights of 0 at first, which have no direction

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
        nn.init.normal_(self.basis.weight, 0.0, 1 / sizes[0])  # fan in: one channel's size * size places
        self.num_features = last

    def forward(self, images: Tensor) -> Tensor:
        return self.basis(self.layers(images)).flatten(1)  # (N, C, H, W) -> (N, num_features, 1, 1) -> (N, …)
