"""Strided convolutional networks: Radford et al. 2016, "Unsupervised Representation Learning with DCGANs"."""

from typing import Any, Literal

from torch import Tensor, nn

from gan.game.networks.discriminator import Discriminator, Trunk, trunk_shape
from gan.game.networks.generator import Generator
from gan.game.networks.layers import ClassLayers, ConditionalBatchNorm, normalization_layers, one_of
from gan.game.sizes import STAGES, Channels, GeneratorConditioning, side, stages
from gan.system.ranges import Dropout


def initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02), batch-norm scales from N(1, 0.02), biases 0: section 4 of the paper, and its code."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
    elif isinstance(module, ConditionalBatchNorm):
        nn.init.normal_(module.scale.weight, 1.0, 0.02)
    if getattr(module, "bias", None) is not None:
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


class DCGANGenerator(Generator):
    """latent_dim -> a small map with many channels; each stage doubles the size and halves the channels -> image, tanh.

    Args:
        latent_dim: components of z.
        image_shape: (C, H, W), H = W as `stages` allows.
        num_classes: classes of the labels; 0 for none.
        clusters: clusters of the training images; 0 for none.
        base_channels: number of channels at half the image's size; twice as many at a quarter, and so on.
        normalization: normalisation after each layer except the last.
        conditioning: use of the class: concat, an embedding appended to z; batch_norm, a scale and shift for each
            class.

    Shapes: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1].
    """

    sizes = STAGES

    def __init__(
        self,
        *,
        latent_dim: int,
        image_shape: tuple[int, int, int],
        num_classes: int = 0,
        clusters: int = 0,
        base_channels: Channels = 32,
        normalization: Literal["batch", "instance", "none"] = "batch",
        conditioning: GeneratorConditioning = "none",
    ) -> None:
        super().__init__(latent_dim, num_classes, conditioning, normalization, clusters)
        one_of(("batch", "instance", "none"), normalization=normalization)
        halvings, size = stages(side(image_shape))
        bias = normalization == "none"  # a normalisation already has a shift

        def finished(layer: nn.Module, channels: int) -> list[nn.Module]:
            norm = normalization_layers(normalization, channels, num_classes=self.norm_classes)
            return [layer, *norm, nn.ReLU(inplace=True)]

        channels = base_channels * 2 ** (halvings - 1)
        # (N, input_width, 1, 1) -> (N, channels, size, size)
        layers = finished(nn.ConvTranspose2d(self.input_width, channels, size, bias=bias), channels)
        for _ in range(halvings - 1):
            doubling = nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=bias)
            channels //= 2
            layers += finished(doubling, channels)
        layers += [nn.ConvTranspose2d(channels, image_shape[0], 4, stride=2, padding=1), nn.Tanh()]
        self.layers = ClassLayers(*layers).apply(initialise)

    def decode(self, z: Tensor, labels: Tensor | None) -> Tensor:
        return self.layers(z[:, :, None, None], labels)  # (N, input_width) -> (N, C, H, W)


class DCGANTrunk(Trunk):
    """Image -> stages that halve the size and double the channels -> the last map, flattened.

    Args:
        image_shape: (C, H, W), H = W as `stages` allows.
        base_channels: channels after the first layer.
        normalization: after each layer except the first, "batch", "instance", "layer" or "none".
        dropout: probability, after each layer; 0 for none.

    Shapes: images (N, C, H, W) -> features (N, channels * size * size of the last map).
    """

    initialise = staticmethod(initialise)

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        base_channels: int = 32,
        normalization: str = "batch",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        halvings, size = stages(side(image_shape))

        def finish() -> list[nn.Module]:
            return [nn.LeakyReLU(0.2, inplace=True), *([nn.Dropout(dropout)] if dropout > 0 else [])]

        channels = base_channels
        layers: list[nn.Module] = [nn.Conv2d(image_shape[0], channels, 4, stride=2, padding=1), *finish()]
        for _ in range(halvings - 1):
            layers += [
                nn.Conv2d(channels, channels * 2, 4, stride=2, padding=1, bias=normalization == "none"),
                *normalization_layers(normalization, channels * 2),
                *finish(),
            ]
            channels *= 2
        self.layers = nn.Sequential(*layers)
        self.num_features = channels * size * size

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).flatten(1)  # (N, C, H, W) -> (N, num_features)


class DCGANDiscriminator(Discriminator):
    """A strided convolutional discriminator: `DCGANTrunk` with the heads of `Discriminator`.

    Args:
        image_shape: (C, H, W), H = W as `stages` allows.
        base_channels: number of channels at half the image's size; twice as many at a quarter, and so on.
        normalization: normalisation after each layer except the first.
        dropout: dropout probability after each layer; 0: no dropout.
        heads: the other arguments of `Discriminator`.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        base_channels: Channels = 32,
        normalization: Literal["batch", "instance", "layer", "none"] = "batch",
        dropout: Dropout = 0.0,
        **heads: Any,
    ) -> None:
        shape = trunk_shape(image_shape, **heads)
        trunk = DCGANTrunk(image_shape=shape, base_channels=base_channels, normalization=normalization, dropout=dropout)
        super().__init__(trunk, image_shape=image_shape, **heads)
