import math

from torch import nn


class Generator(nn.Sequential):
    """z (N, latent_dim) -> images (N, *image_shape) in [-1, 1]; ``width`` units in the hidden layer."""

    def __init__(self, latent_dim: int, image_shape: tuple[int, int, int], width: int = 64):
        pixels = nn.Linear(width, math.prod(image_shape))
        super().__init__(nn.Linear(latent_dim, width), nn.ReLU(), pixels, nn.Tanh(), nn.Unflatten(1, image_shape))


class Discriminator(nn.Sequential):
    """images (N, *image_shape) -> logits (N, 1); ``width`` units in the hidden layer."""

    def __init__(self, image_shape: tuple[int, int, int], width: int = 64):
        pixels = nn.Linear(math.prod(image_shape), width)
        super().__init__(nn.Flatten(), pixels, nn.LeakyReLU(0.2), nn.Linear(width, 1))
