"""Residual networks: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", appendix B.4.

Pre-activation blocks that double or halve the size. The networks are narrower than in the paper, which has 256 and 128
channels at every size for 32 x 32 images. D's first block has half as many channels inside as at its end; in the
authors' code (github.com/pfnet-research/sngan_projection, ``OptimizedBlock``) the numbers are equal, as with
``first_block="full"``.
"""

import functools
import itertools
import math
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan.game.networks.discriminator import Discriminator, Trunk, trunk_shape
from gan.game.networks.generator import Generator
from gan.game.networks.layers import ClassLayers, normalization_layers, one_of
from gan.game.sizes import PYRAMID, GeneratorConditioning, PyramidChannels, pyramid, side, widths
from gan.system.ranges import Dropout

FIRST_BLOCKS = ("half", "full")


def glorot(inputs: int, outputs: int, kernel: int, gain: float = 1.0) -> nn.Conv2d:
    """A convolution that keeps the size; uniform Glorot initialisation (Glorot & Bengio 2010) with a gain, biases 0."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(convolution.weight, gain)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return convolution


def in_branch(inputs: int, outputs: int) -> nn.Conv2d:
    """A convolution of a residual branch, with the gain of the authors' code."""
    return glorot(inputs, outputs, kernel=3, gain=math.sqrt(2))


def in_shortcut(inputs: int, outputs: int) -> nn.Conv2d:
    return glorot(inputs, outputs, kernel=1)


def initialise(module: nn.Module) -> None:
    """Glorot initialisation of linear layers with a gain of 1."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


class UpBlock(nn.Module):
    """x (N, inputs, h, w), labels (N,) -> (N, outputs, size, size), by nearest-neighbour upsampling."""

    def __init__(self, inputs: int, outputs: int, size: int, normalization: str, num_classes: int) -> None:
        super().__init__()
        self.size = size
        self.branch = ClassLayers(
            *normalization_layers(normalization, inputs, num_classes=num_classes),
            nn.ReLU(inplace=normalization != "none"),  # in place it would change the shortcut's input
            nn.Upsample(size=size),
            in_branch(inputs, outputs),
            *normalization_layers(normalization, outputs, num_classes=num_classes),
            nn.ReLU(inplace=True),
            in_branch(outputs, outputs),
        )
        self.shortcut = in_shortcut(inputs, outputs)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        # The 1 x 1 convolution comes before the upsampling: the same values with a quarter of the work.
        return self.branch(x, labels) + interpolate(self.shortcut(x), size=self.size)


class ResNetGenerator(Generator):
    """latent_dim -> a small map of many channels -> an UpBlock for each doubling of the size -> image, tanh.

    Args:
        latent_dim: components of z.
        image_shape: (C, H, W), H = W of 8 or more.
        num_classes: classes of the labels; 0 for none.
        clusters: clusters of the training images; 0 for none.
        base_channels: number of channels at half the image's size; half as many at the whole size, twice as many at a
            quarter, and so on.
        normalization: normalisation before each activation; batch in the paper.
        conditioning: use of the class: concat, an embedding appended to z; batch_norm, a scale and shift for each
            class. The scales and shifts are in the blocks only, not in the last normalisation (Miyato & Koyama 2018).

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
        normalization: Literal["batch", "instance", "none"] = "batch",
        conditioning: GeneratorConditioning = "none",
    ) -> None:
        super().__init__(latent_dim, num_classes, conditioning, normalization, clusters)
        one_of(("batch", "instance", "none"), normalization=normalization)
        sizes = pyramid(side(image_shape))
        channels = widths(base_channels, len(sizes))
        self.first_map = (channels[0], sizes[0], sizes[0])
        self.input = nn.Linear(self.input_width, math.prod(self.first_map)).apply(initialise)
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, size, normalization, self.norm_classes)
            for (inputs, outputs), size in zip(itertools.pairwise(channels), sizes[1:], strict=True)
        )
        self.output = nn.Sequential(
            *normalization_layers(normalization, channels[-1]),
            nn.ReLU(inplace=True),
            glorot(channels[-1], image_shape[0], kernel=3),
            nn.Tanh(),
        )

    def decode(self, z: Tensor, labels: Tensor | None) -> Tensor:
        x = self.input(z).view(-1, *self.first_map)  # (N, input_width) -> (N, channels, 4 … 7, 4 … 7)
        for block in self.blocks:
            x = block(x, labels)
        return self.output(x)  # (N, C, H, W)


class DownBlock(nn.Module):
    """x (N, inputs, size, size) -> (N, outputs, half, half); the same size if ``halve`` is false.

    Args:
        of_image: x is the image: no activation and no normalisation before the first convolution.
        hidden: channels between the two convolutions; None: ``inputs``.
        dropout: probability, before the last convolution (Zagoruyko & Komodakis 2016, "Wide Residual Networks").
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        normalization: str,
        dropout: float,
        of_image: bool = False,
        hidden: int | None = None,
        halve: bool = True,
    ) -> None:
        super().__init__()
        hidden = hidden or inputs
        before = [*normalization_layers(normalization, inputs), nn.ReLU(inplace=normalization != "none")]
        # An odd size is halved, rounded down, by means over 3 x 3 positions, which use all rows.
        self.halve: nn.Module = nn.AvgPool2d(2 + size % 2, stride=2) if halve else nn.Identity()
        self.branch = nn.Sequential(
            *([] if of_image else before),
            in_branch(inputs, hidden),
            *normalization_layers(normalization, hidden),
            nn.ReLU(inplace=True),
            *([nn.Dropout(dropout)] if dropout > 0 else []),
            in_branch(hidden, outputs),
        )
        self.shortcut = in_shortcut(inputs, outputs) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        # The mean comes before the 1 x 1 convolution: the same values with a quarter of the work.
        return self.halve(self.branch(x)) + self.shortcut(self.halve(x))


class ResNetTrunk(Trunk):
    """Image -> a DownBlock for each halving of the size, and one more -> the sum over all positions of the last map.

    Args:
        image_shape: (C, H, W), H = W of 8 or more.
        base_channels: number of channels at half the image's size; twice as many at a quarter, and so on.
        normalization: before each ReLU in the blocks, "batch", "instance", "layer" or "none" (the paper's).
        dropout: probability, in each block before the last convolution; 0 for none.
        first_block: channels between the two convolutions of the first block: "half" of base_channels, or "full", the
            same number, as in the authors' code.

    Shapes: images (N, C, H, W) -> features (N, channels of the last map).
    """

    initialise = staticmethod(initialise)

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        base_channels: int = 32,
        normalization: str = "none",
        dropout: float = 0.0,
        first_block: str = "half",
    ) -> None:
        super().__init__()
        one_of(FIRST_BLOCKS, first_block=first_block)
        sizes = pyramid(side(image_shape))[::-1]  # from the image size to the smallest
        channels = [image_shape[0], *widths(base_channels, len(sizes))[-2::-1]]
        block = functools.partial(DownBlock, normalization=normalization, dropout=dropout)
        hidden = channels[1] if first_block == "full" else channels[1] // 2
        blocks = [block(channels[0], channels[1], sizes[0], of_image=True, hidden=hidden)]
        for (inputs, outputs), size in zip(itertools.pairwise(channels[1:]), sizes[1:], strict=False):
            blocks.append(block(inputs, outputs, size))
        last = channels[-1]
        blocks.append(block(last, last, sizes[-1], halve=False))
        self.layers = nn.Sequential(*blocks, nn.ReLU(inplace=True))
        self.num_features = last

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).sum(dim=(2, 3))  # (N, C, H, W) -> (N, num_features, 4 … 7, 4 … 7) -> (N, …)


class ResNetDiscriminator(Discriminator):
    """A residual discriminator: `ResNetTrunk` with the heads of `Discriminator`.

    Args:
        image_shape: (C, H, W), H = W of 8 or more.
        base_channels: number of channels at half the image's size; half as many at the whole size, twice as many at a
            quarter, and so on.
        normalization: normalisation before each activation; none in the paper.
        dropout: dropout probability before the last convolution of each block; 0: no dropout.
        first_block: channels inside the first block: half of base_channels, or full, as in the authors' code.
        heads: the other arguments of `Discriminator`.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        base_channels: PyramidChannels = 32,
        normalization: Literal["batch", "instance", "layer", "none"] = "none",
        dropout: Dropout = 0.0,
        first_block: Literal["half", "full"] = "half",
        **heads: Any,
    ) -> None:
        trunk = ResNetTrunk(
            image_shape=trunk_shape(image_shape, **heads),
            base_channels=base_channels,
            normalization=normalization,
            dropout=dropout,
            first_block=first_block,
        )
        super().__init__(trunk, image_shape=image_shape, **heads)
