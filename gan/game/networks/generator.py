"""The base class of all generators, with class conditioning."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from gan.game.networks.layers import Recorded, embedded, one_of
from gan.game.sizes import ImageSizes

CONDITIONINGS = ("none", "concat", "batch_norm")


class Generator(Recorded, nn.Module, ABC):
    """Latents and, if conditional, classes -> images.

    Families implement `decode`, whose input has ``input_width`` components.

    Args:
        latent_dim: components of z, InfoGAN's codes included.
        num_classes: classes of the labels; 0 for none.
        conditioning: how the class is used. "none": not at all. "concat": an embedding of ``num_classes`` components,
            initially N(0, 1) like z, is appended to z (Mirza & Osindero 2014, "Conditional Generative Adversarial
            Nets"). "batch_norm": batch normalisation has a scale and shift for each class (`ConditionalBatchNorm`).
        normalization: normalisation of the family; "batch_norm" needs "batch".
        clusters: clusters of the training images; 0 for none. Then the last components of z are one-hot clusters, which
            take the place of classes, and the generator is unconditional.

    Attributes:
        latent_dim: components of z.
        conditional: whether `forward` needs labels.
        sizes: the sizes of square images for which the network can be built; None for any image.

    Raises:
        ValueError: conditioning does not exist, or needs classes or batch normalisation.
    """

    sizes: ClassVar[ImageSizes | None] = None  # None: any size

    def __init__(
        self, latent_dim: int, num_classes: int, conditioning: str, normalization: str = "none", clusters: int = 0
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        one_of(CONDITIONINGS, conditioning=conditioning)
        uses_classes = conditioning != "none"
        self.conditional = uses_classes and not clusters
        self.clusters = clusters if uses_classes else 0  # without conditioning they are input like the noise
        num_classes = clusters or num_classes
        if uses_classes and num_classes < 1:
            raise ValueError(f"conditioning={conditioning!r} needs num_classes of 1 or more, not {num_classes}")
        if conditioning == "batch_norm" and normalization != "batch":
            raise ValueError(f"conditioning='batch_norm' needs normalization='batch', not {normalization!r}")
        self.embedding = nn.Embedding(num_classes, num_classes) if conditioning == "concat" else None
        self.input_width = latent_dim - self.clusters + (num_classes if conditioning == "concat" else 0)
        self.norm_classes = num_classes if conditioning == "batch_norm" else 0

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z (N, latent_dim), labels int64 (N,) -> images (N, C, H, W) in [-1, 1].

        Labels may also be mixtures of classes, float (N, num_classes): weights of the classes' embeddings. An
        unconditional generator ignores labels.

        Raises:
            ValueError: a conditional generator got no labels.
        """
        if self.clusters:
            z, labels = z[:, : -self.clusters], z[:, -self.clusters :]
        elif not self.conditional:
            return self.decode(z, None)
        if labels is None:
            raise ValueError("this generator is conditional: it needs labels, and None were given")
        if self.embedding is not None:
            z = torch.cat([z, embedded(labels, self.embedding)], dim=1)
        return self.decode(z, labels)

    @abstractmethod
    def decode(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """z (N, input_width) -> images; labels are for conditional batch normalisation."""
