"""The networks: a generator and a discriminator for each family, and how a game builds its two networks."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import nn

from gan.game.latents import CodeSizes, Prior
from gan.game.networks.compatibility import problems
from gan.game.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gan.game.networks.discriminator import Discriminator, DiscriminatorOutput, Trunk
from gan.game.networks.generator import Generator
from gan.game.networks.mlp import MLPDiscriminator, MLPGenerator
from gan.game.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from gan.game.networks.resnet import ResNetDiscriminator, ResNetGenerator
from gan.game.sizes import Clusters, Width
from gan.system.ranges import NonNegativeInt
from gan.system.value_types import parameters_of

__all__ = [
    "GENERATORS",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "DiscriminatorOutput",
    "Generator",
    "MLPDiscriminator",
    "MLPGenerator",
    "Networks",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "Trunk",
    "build",
    "problems",
]

# By the name of the family, which bundles contain instead of a class.
GENERATORS: Mapping[str, type[Generator]] = {
    "mlp": MLPGenerator,
    "dcgan": DCGANGenerator,
    "resnet": ResNetGenerator,
    "r3gan": R3GANGenerator,
}


class Networks:
    """The two networks of a game and their latent vectors, before the images are known.

    Args:
        generator, discriminator: constructors of the networks. They get those of the arguments ``latent_dim``,
            ``image_shape``, ``num_classes``, ``clusters``, ``categorical_codes`` and ``continuous_codes`` that they
            have.
        latent_dim: length of a latent vector z.
        prior: distribution of z: N(0, 1), or uniform on [-1, 1].
        codes: InfoGAN's codes, which follow the noise in z and are predicted from the images.
        clusters: number of clusters of the training images, found without labels; 0 for none. They take the
            place of classes for both networks, and z ends with the cluster: the generator is unconditional.
        init_from: run folder, checkpoint or bundle whose weights the networks start from; None for random weights.
        freeze_d: number of layers of the discriminator, from the first, that are not trained (FreezeD).
        compile: compile the loss and gradients of each update with torch's compiler: slower start, faster training;
            "cuda_graphs" also records them as CUDA graphs (not tested on a GPU yet).
        channels_last: store the weights of convolutions with the channels last in memory, which makes training faster
            (docs/performance.md) and changes results by rounding only. For the networks of this package; other networks
            keep the layout that their constructor chose.
    """

    def __init__(
        self,
        generator: Callable[..., nn.Module],
        discriminator: Callable[..., nn.Module],
        *,
        latent_dim: Width = 100,
        prior: Literal["normal", "uniform"] = "normal",
        codes: CodeSizes = CodeSizes(),  # noqa: B008  # a constant
        clusters: Clusters = 0,
        init_from: str | None = None,
        freeze_d: NonNegativeInt = 0,
        compile: bool | Literal["cuda_graphs"] = False,
        channels_last: bool = True,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.clusters = clusters
        self.init_from = init_from
        self.freeze_d = freeze_d
        self.prior = Prior(prior, latent_dim, tuple(codes.categorical), codes.continuous)
        if clusters:  # `gan.training.build` replaces the shares by the true ones
            self.prior = self.prior.with_clusters([1 / clusters] * clusters)
        self.compile = compile
        self.channels_last = channels_last

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator, with weights from torch's global random generator."""
        images = {"image_shape": image_shape, "num_classes": self.clusters or num_classes}
        categorical = self.prior.categorical if self.prior.has_codes else ()
        codes = {"categorical_codes": categorical, "continuous_codes": self.prior.continuous}
        generator = build(self.generator, latent_dim=self.prior.width, clusters=self.clusters, **images)
        discriminator = build(self.discriminator, **images, **codes)
        for network in (generator, discriminator):
            # Not the user's own networks: their forward may call view(), which fails after a channels-last convolution.
            if self.channels_last and type(network).__module__.startswith(f"{__name__}."):
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's gap
        return generator, discriminator


def build(constructor: Callable[..., nn.Module], **known: Any) -> nn.Module:
    """Call a constructor with the ``known`` arguments that it has."""
    has = parameters_of(constructor)
    return constructor(**{name: value for name, value in known.items() if name in has})
