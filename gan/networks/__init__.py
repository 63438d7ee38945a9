"""The networks, by family. The registry is closed: a bundle names a family, and never brings code."""

from typing import Any, NamedTuple

from torch import nn

from gan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gan.networks.mlp import MLPDiscriminator, MLPGenerator


class Family(NamedTuple):
    """A generator and the discriminator that belongs to it."""

    generator: type[nn.Module]
    discriminator: type[nn.Module]


FAMILIES = {
    "mlp": Family(MLPGenerator, MLPDiscriminator),
    "dcgan": Family(DCGANGenerator, DCGANDiscriminator),
}


def build_generator(family: str, *, latent_dim: int, image_shape: tuple[int, int, int], **settings: Any) -> nn.Module:
    """The generator of a family in ``FAMILIES``: z (N, latent_dim) -> images (N, *image_shape)."""
    return FAMILIES[family].generator(latent_dim=latent_dim, image_shape=image_shape, **settings)


def build_discriminator(family: str, *, image_shape: tuple[int, int, int], **settings: Any) -> nn.Module:
    """The discriminator of a family in ``FAMILIES``: images (N, *image_shape) -> logits (N,)."""
    return FAMILIES[family].discriminator(image_shape=image_shape, **settings)
