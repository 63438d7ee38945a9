"""The networks, by family. The registry is closed: a bundle names a family, and never brings code."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gan.game.networks.compatibility import problems
from gan.game.networks.dcgan import DCGANGenerator, DCGANTrunk
from gan.game.networks.discriminator import Discriminator, DiscriminatorOutput, Trunk
from gan.game.networks.generator import Generator
from gan.game.networks.mlp import MLPGenerator, MLPTrunk
from gan.game.networks.r3gan import R3GANGenerator, R3GANTrunk
from gan.game.networks.resnet import ResNetGenerator, ResNetTrunk

__all__ = [
    "FAMILIES",
    "Discriminator",
    "DiscriminatorOutput",
    "Family",
    "Generator",
    "Trunk",
    "build_discriminator",
    "build_generator",
    "problems",
]


class Family(NamedTuple):
    """A generator, and the trunk of the discriminator that belongs to it."""

    generator: Callable[..., Generator]
    trunk: Callable[..., Trunk]


FAMILIES = {
    "mlp": Family(MLPGenerator, MLPTrunk),
    "dcgan": Family(DCGANGenerator, DCGANTrunk),
    "resnet": Family(ResNetGenerator, ResNetTrunk),
    "r3gan": Family(R3GANGenerator, R3GANTrunk),
}


def build_generator(
    family: str, *, latent_dim: int, image_shape: tuple[int, int, int], num_classes: int = 0, **settings: Any
) -> Generator:
    """The generator of a family in ``FAMILIES``: z (N, latent_dim), labels (N,) -> images (N, *image_shape)."""
    return FAMILIES[family].generator(
        latent_dim=latent_dim, image_shape=image_shape, num_classes=num_classes, **settings
    )


def build_discriminator(
    family: str,
    *,
    image_shape: tuple[int, int, int],
    num_classes: int = 0,
    categorical_codes: Sequence[int] = (),
    continuous_codes: int = 0,
    conditioning: str = "none",
    spectral_norm: bool = False,
    **settings: Any,
) -> Discriminator:
    """The discriminator of a family in ``FAMILIES``: images (N, *image_shape), labels (N,) -> logits (N,).

    Args:
        settings: of the family's trunk; the others are those of `Discriminator`.
    """
    channels, height, width = image_shape
    seen = (channels + 1, height, width) if conditioning == "concat" else image_shape
    return Discriminator(
        FAMILIES[family].trunk(image_shape=seen, **settings),
        image_shape=image_shape,
        num_classes=num_classes,
        categorical_codes=categorical_codes,
        continuous_codes=continuous_codes,
        conditioning=conditioning,
        spectral_norm=spectral_norm,
    )
