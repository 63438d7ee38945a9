"""Fully connected networks, as in Goodfellow et al. 2014 and many tutorials."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from gan.game.networks.discriminator import Discriminator, Trunk, trunk_shape
from gan.game.networks.generator import Generator
from gan.game.networks.layers import ClassLayers, activation_layer, normalization_layers, one_of
from gan.game.sizes import Activation, GeneratorConditioning, Widths
from gan.system.ranges import Dropout, NonNegativeFloat


def _hidden_layers(
    sizes: Sequence[int],
    activation: str,
    negative_slope: float,
    dropout: float,
    normalization: str,
    num_classes: int = 0,
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [
            nn.Linear(inputs, outputs, bias=normalization == "none"),  # a normalisation already has a shift
            *normalization_layers(normalization, outputs, spatial=False, num_classes=num_classes),
            activation_layer(activation, negative_slope),
        ]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
    return layers


class MLPGenerator(Generator):
    """latent_dim -> hidden[0] -> ... -> hidden[-1] -> C*H*W, tanh. Initialised by torch's default.

    Args:
        latent_dim: components of z.
        image_shape: (C, H, W) of the images, of any size.
        num_classes: classes of the labels; 0 for none.
        clusters: clusters of the training images; 0 for none.
        hidden: widths of the hidden layers, from input to output.
        activation: activation function after each hidden layer.
        negative_slope: slope of leaky_relu for negative inputs.
        normalization: normalisation before each activation.
        dropout: dropout probability after each hidden layer; 0: no dropout.
        conditioning: use of the class: concat, an embedding appended to z; batch_norm, a scale and shift for each
            class.

    Shapes: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1].
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        image_shape: tuple[int, int, int],
        num_classes: int = 0,
        clusters: int = 0,
        hidden: Widths = (128,),
        activation: Activation = "leaky_relu",
        negative_slope: NonNegativeFloat = 0.2,
        normalization: Literal["batch", "none"] = "none",
        dropout: Dropout = 0.0,
        conditioning: GeneratorConditioning = "none",
    ) -> None:
        super().__init__(latent_dim, num_classes, conditioning, normalization, clusters)
        one_of(("batch", "none"), normalization=normalization)
        self.image_shape = tuple(image_shape)
        sizes = [self.input_width, *hidden]
        self.layers = ClassLayers(
            *_hidden_layers(sizes, activation, negative_slope, dropout, normalization, self.norm_classes),
            nn.Linear(hidden[-1], math.prod(image_shape)),
            nn.Tanh(),
        )

    def decode(self, z: Tensor, labels: Tensor | None) -> Tensor:
        return self.layers(z, labels).view(-1, *self.image_shape)  # (N, input_width) -> (N, C, H, W)


class MLPTrunk(Trunk):
    """C*H*W -> hidden[0] -> ... -> hidden[-1], the features. Arguments as for `MLPGenerator`.

    Args:
        normalization: "batch", "layer" or "none".

    Shapes: images (N, C, H, W) -> features (N, hidden[-1]).
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        hidden: Sequence[int],
        activation: str = "leaky_relu",
        negative_slope: float = 0.2,
        normalization: str = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = [math.prod(image_shape), *hidden]
        self.layers = nn.Sequential(*_hidden_layers(sizes, activation, negative_slope, dropout, normalization))
        self.num_features = hidden[-1]

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images.flatten(1))  # (N, C, H, W) -> (N, hidden[-1])


class MLPDiscriminator(Discriminator):
    """A fully connected discriminator: `MLPTrunk` with the heads of `Discriminator`.

    Args:
        image_shape: (C, H, W) of the images, of any size.
        hidden: widths of the hidden layers, from input to output.
        activation: activation function after each hidden layer.
        negative_slope: slope of leaky_relu for negative inputs.
        normalization: normalisation before each activation.
        dropout: dropout probability after each hidden layer; 0: no dropout.
        heads: the other arguments of `Discriminator`.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        hidden: Widths = (128,),
        activation: Activation = "leaky_relu",
        negative_slope: NonNegativeFloat = 0.2,
        normalization: Literal["batch", "layer", "none"] = "none",
        dropout: Dropout = 0.0,
        **heads: Any,
    ) -> None:
        trunk = MLPTrunk(
            image_shape=trunk_shape(image_shape, **heads),
            hidden=hidden,
            activation=activation,
            negative_slope=negative_slope,
            normalization=normalization,
            dropout=dropout,
        )
        super().__init__(trunk, image_shape=image_shape, **heads)
