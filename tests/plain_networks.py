"""Networks as a stranger would bring them: plain modules with the documented call, without our base classes."""

import torch
from torch import Tensor, nn

from gan.game.penalties import R1


def pair() -> tuple[nn.Module, nn.Module]:
    """An unconditional generator of 6 x 6 pixels and a discriminator with logits (N, 1)."""
    generator = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 36), nn.Tanh(), nn.Unflatten(1, (1, 6, 6)))
    return generator, nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))


class ConditionalGenerator(nn.Module):
    """z (N, latent_dim), classes (N,) -> images (N, 1, 6, 6). It keeps the classes that it got."""

    def __init__(self, latent_dim: int = 3, width: int = 16) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.width = width
        self.layers = nn.Sequential(nn.Linear(latent_dim + 2, width), nn.ReLU(), nn.Linear(width, 36), nn.Tanh())
        self.seen: list[int] = []

    def forward(self, z: Tensor, classes: Tensor) -> Tensor:
        self.seen += classes.tolist()
        return self.layers(torch.cat([z, nn.functional.one_hot(classes, 2)], dim=1)).view(-1, 1, 6, 6)


class ConditionalDiscriminator(nn.Module):
    """images (N, 1, 6, 6), classes (N,) -> logits (N,). It keeps the classes that it got, not its width."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(38, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))
        self.seen: list[int] = []

    def forward(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        self.seen += [] if classes is None else classes.tolist()
        known = torch.zeros(len(images), 2) if classes is None else nn.functional.one_hot(classes, 2)
        return self.layers(torch.cat([images.flatten(1), known], dim=1)).squeeze(1)


class Halved(R1):
    """A penalty of a stranger's."""
