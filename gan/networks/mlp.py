"""Fully connected networks: the GANs of the tutorials, and of Goodfellow et al. 2014."""

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn

from gan.networks.layers import activation_layer


def _hidden_layers(sizes: Sequence[int], activation: str, negative_slope: float, dropout: float) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation_layer(activation, negative_slope)]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
    return layers


class MLPGenerator(nn.Module):
    """latent_dim -> hidden[0] -> ... -> hidden[-1] -> C*H*W, tanh.

    Args:
        latent_dim: components of z.
        image_shape: (C, H, W) of the images it makes.
        hidden: widths of the hidden layers, from the latent to the image.
        activation: after each hidden layer, "relu" or "leaky_relu".
        negative_slope: of leaky_relu.
        dropout: probability, after each hidden layer; 0 for none.

    Shapes: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1].
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        image_shape: tuple[int, int, int],
        hidden: Sequence[int],
        activation: str,
        negative_slope: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.layers = nn.Sequential(
            *_hidden_layers([latent_dim, *hidden], activation, negative_slope, dropout),
            nn.Linear(hidden[-1], math.prod(image_shape)),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(z).view(-1, *self.image_shape)  # (N, latent_dim) -> (N, C, H, W)


class MLPDiscriminator(nn.Module):
    """C*H*W -> hidden[0] -> ... -> hidden[-1] -> one logit. Arguments as for `MLPGenerator`.

    Shapes: images (N, C, H, W) -> logits (N,).
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        hidden: Sequence[int],
        activation: str,
        negative_slope: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_hidden_layers([math.prod(image_shape), *hidden], activation, negative_slope, dropout),
            nn.Linear(hidden[-1], 1),
        )

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(images.flatten(1)).squeeze(1)  # (N, C, H, W) -> (N,)
