"""The discriminator of every family: a trunk that computes features of the images, and heads that use them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as normalize_spectrum

from gan.game.networks.layers import Recorded, one_of
from gan.game.sizes import DiscriminatorConditioning

CONDITIONINGS = ("none", "concat", "projection", "auxiliary", "projection_twin")
CODE_HEAD_WIDTH = 128  # of InfoGAN's Q network, appendix C.1 of the paper


class DiscriminatorOutput(NamedTuple):
    """The output of a discriminator for N images.

    Attributes:
        logits: (N,), real or fake.
        class_logits: (N, num_classes), of the auxiliary head; None without one.
        twin_class_logits: (N, num_classes), of its twin, which learns from generated images; None without one.
        code_logits: for each categorical code of InfoGAN, (N, its classes).
        code_means: (N, continuous codes); None if there are no continuous codes.
    """

    logits: Tensor
    class_logits: Tensor | None = None
    code_logits: tuple[Tensor, ...] = ()
    code_means: Tensor | None = None
    twin_class_logits: Tensor | None = None

    def first(self, count: int) -> "DiscriminatorOutput":
        """The output for the first ``count`` images."""
        return self._map(lambda tensor: tensor[:count])

    def last(self, count: int) -> "DiscriminatorOutput":
        """The output for the last ``count`` images; 1 or more."""
        return self._map(lambda tensor: tensor[-count:])

    def float(self) -> "DiscriminatorOutput":
        """The same in float32, for losses at any precision."""
        return self._map(Tensor.float)

    def _map(self, change: Callable[[Tensor], Tensor]) -> "DiscriminatorOutput":
        return DiscriminatorOutput(
            change(self.logits),
            None if self.class_logits is None else change(self.class_logits),
            tuple(change(logits) for logits in self.code_logits),
            None if self.code_means is None else change(self.code_means),
            None if self.twin_class_logits is None else change(self.twin_class_logits),
        )


class Trunk(nn.Module):
    """images (N, C, H, W) -> features (N, num_features), the input of the heads. Each family has its own."""

    num_features: int
    allows_spectral_norm = True

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Draw the initial weights of one module of the finished discriminator. By default torch's are kept."""


class Discriminator(Recorded, nn.Module):
    """Images and, if conditional, classes -> logits, with one pass through the trunk.

    Args:
        trunk: trunk of the family; with "concat" its input has one more channel than the images.
        image_shape: (C, H, W) of the images.
        num_classes: classes of the labels; 0 for none.
        categorical_codes: classes of each categorical code, continuous_codes: how many continuous ones, for InfoGAN's Q
            network (Chen et al. 2016), which predicts them from the trunk's features.
        conditioning: use of the class: concat, an additional channel of the image; projection, a product with the
            features added to the logit; auxiliary, predicted by an additional head (AC-GAN); projection_twin, a
            projection and two such heads, one for real and one for generated images. The channel is an embedding of the
            class (Mirza & Osindero 2014); the product is the inner product of an embedding and the features (Miyato &
            Koyama 2018, "cGANs with Projection Discriminator"); the heads are linear (Odena et al. 2017, "Conditional
            Image Synthesis With Auxiliary Classifier GANs"; Gong et al. 2019, "Twin Auxiliary Classifiers GAN").
        spectral_norm: divide every layer's weights by their largest singular value. An estimate is used, for linear
            layers, convolutions and the projection's embedding (Miyato et al. 2018, "Spectral Normalization for
            Generative Adversarial Networks").

    Attributes:
        conditional: whether the classes are used.

    Raises:
        ValueError: conditioning does not exist or needs classes, or the trunk does not allow spectral_norm.
    """

    def __init__(
        self,
        trunk: Trunk,
        *,
        image_shape: tuple[int, int, int],
        num_classes: int = 0,
        categorical_codes: Sequence[int] = (),
        continuous_codes: int = 0,
        conditioning: DiscriminatorConditioning = "none",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        one_of(CONDITIONINGS, conditioning=conditioning)
        self.conditional = conditioning != "none"
        if self.conditional and num_classes < 1:
            raise ValueError(f"conditioning={conditioning!r} needs num_classes of 1 or more, not {num_classes}")
        if spectral_norm and not trunk.allows_spectral_norm:
            raise ValueError(
                f"spectral_norm=True does not work for {type(trunk).__name__}: some of its weights start at 0"
            )
        _, *self.map_size = image_shape
        self.code_sizes = [*categorical_codes, continuous_codes]
        features, pixels = trunk.num_features, self.map_size[0] * self.map_size[1]

        self.trunk = trunk
        self.logit_head = nn.Linear(features, 1)
        has_classifier, has_twin = conditioning in ("auxiliary", "projection_twin"), conditioning == "projection_twin"
        self.class_head = nn.Linear(features, num_classes) if has_classifier else None
        self.twin_class_head = nn.Linear(features, num_classes) if has_twin else None
        self.code_head = _code_head(features, sum(self.code_sizes)) if sum(self.code_sizes) else None
        self.projection = nn.Embedding(num_classes, features) if "projection" in conditioning else None
        self.label_channel = nn.Embedding(num_classes, pixels) if conditioning == "concat" else None
        self.apply(trunk.initialise)
        if self.projection is not None:  # torch's default N(0, 1) would dominate the logit
            nn.init.xavier_uniform_(self.projection.weight)
        if spectral_norm:  # last: it starts from the initial weights
            _normalize_spectra(self, also=self.projection)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """images (N, C, H, W), labels int64 (N,) -> logits (N,), without a sigmoid; see `discriminate`."""
        return self.discriminate(images, labels).logits

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """images (N, C, H, W), labels int64 (N,) -> features of the trunk (N, num_features)."""
        if labels is None and (self.label_channel is not None or self.projection is not None):
            raise ValueError("this discriminator is conditional: it needs labels, and None were given")
        if self.label_channel is not None:
            channel = self.label_channel(labels).view(-1, 1, *self.map_size)
            images = torch.cat([images, channel.to(images.dtype)], dim=1)
        features: Tensor = self.trunk(images)
        return features

    def discriminate(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """images (N, C, H, W), labels int64 (N,) -> the output of all heads.

        Labels are ignored without conditioning, and with "auxiliary".

        Raises:
            ValueError: "concat" or a projection, without labels.
        """
        features = self.features(images, labels)
        logits = self.logit_head(features).squeeze(1)
        if self.projection is not None:
            logits = logits + (self.projection(labels) * features).sum(dim=1)
        class_logits = None if self.class_head is None else self.class_head(features)
        twin_logits = None if self.twin_class_head is None else self.twin_class_head(features)
        if self.code_head is None:
            return DiscriminatorOutput(logits, class_logits, twin_class_logits=twin_logits)
        *code_logits, code_means = self.code_head(features).split(self.code_sizes, dim=1)
        return DiscriminatorOutput(
            logits, class_logits, tuple(code_logits), code_means if self.code_sizes[-1] else None, twin_logits
        )


def trunk_shape(image_shape: tuple[int, int, int], conditioning: str = "none", **heads: Any) -> tuple[int, int, int]:
    """The shape of the images that a trunk gets: with "concat" they have one more channel."""
    channels, height, width = image_shape
    return (channels + 1, height, width) if conditioning == "concat" else (channels, height, width)


def _code_head(features: int, outputs: int) -> nn.Module:
    """InfoGAN's Q network, without the paper's batch normalisation: the output for an image depends on it alone."""
    return nn.Sequential(
        nn.Linear(features, CODE_HEAD_WIDTH), nn.LeakyReLU(0.1, inplace=True), nn.Linear(CODE_HEAD_WIDTH, outputs)
    )


def _normalize_spectra(network: nn.Module, also: nn.Module | None) -> None:
    for module in list(network.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d) or module is also is not None:
            normalize_spectrum(module)
