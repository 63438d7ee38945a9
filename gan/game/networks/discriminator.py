"""The discriminator of every family: a trunk that looks at the images, and heads that say something about them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as normalize_spectrum

from gan.game.networks.layers import one_of

CONDITIONINGS = ("none", "concat", "projection", "auxiliary")
CODE_HEAD_WIDTH = 128  # of InfoGAN's Q network, appendix C.1 of the paper


class Judgement(NamedTuple):
    """What a discriminator says of N images.

    Attributes:
        logits: (N,), real or fake.
        class_logits: (N, num_classes), or None without "auxiliary" conditioning.
        code_logits: for each categorical code of InfoGAN, (N, its classes).
        code_means: (N, continuous codes), or None without such.
    """

    logits: Tensor
    class_logits: Tensor | None = None
    code_logits: tuple[Tensor, ...] = ()
    code_means: Tensor | None = None

    def first(self, count: int) -> "Judgement":
        """Of the first ``count`` images."""
        return self._each(lambda said: said[:count])

    def last(self, count: int) -> "Judgement":
        """Of the last ``count`` images, at least one."""
        return self._each(lambda said: said[-count:])

    def float(self) -> "Judgement":
        """In float32, as losses want it at any precision."""
        return self._each(Tensor.float)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Judgement":
        return Judgement(
            change(self.logits),
            None if self.class_logits is None else change(self.class_logits),
            tuple(change(logits) for logits in self.code_logits),
            None if self.code_means is None else change(self.code_means),
        )


class Trunk(nn.Module):
    """images (N, C, H, W) -> features (N, num_features), on which the heads stand. A family has its own."""

    num_features: int
    allows_spectral_norm = True

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Draw the first weights of one module of the finished discriminator; as it is here: leave torch's."""


class Discriminator(nn.Module):
    """Images and, if it is conditional, classes -> logits, from one pass over the trunk.

    Args:
        trunk: of the family; it takes one channel more than the images have where conditioning is "concat".
        image_shape: (C, H, W) of the images.
        num_classes: classes that the labels name; 0 where there are none.
        categorical_codes: classes of each categorical code, continuous_codes: how many continuous ones, for InfoGAN's Q
            network (Chen et al. 2016), which guesses them from the trunk's features.
        conditioning: what is done with the class. "none": nothing. "concat": an embedding of it, as large as one
            channel, is one more channel of the image (Mirza & Osindero 2014). "projection": the inner product of an
            embedding and the features is added to the logit (Miyato & Koyama 2018, "cGANs with Projection
            Discriminator"). "auxiliary": it is guessed and not looked at, by a linear head (Odena et al. 2017,
            "Conditional Image Synthesis With Auxiliary Classifier GANs").
        spectral_norm: every linear map, convolution and the projection's embedding is divided by an estimate of its
            largest singular value (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks").

    Attributes:
        conditional: whether the classes matter to it.

    Raises:
        ValueError: conditioning does not exist, or needs classes and there are none; spectral_norm is not for this
            trunk.
    """

    def __init__(
        self,
        trunk: Trunk,
        *,
        image_shape: tuple[int, int, int],
        num_classes: int = 0,
        categorical_codes: Sequence[int] = (),
        continuous_codes: int = 0,
        conditioning: str = "none",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        one_of(CONDITIONINGS, conditioning=conditioning)
        self.conditional = conditioning != "none"
        if self.conditional and num_classes < 1:
            raise ValueError(f"conditioning={conditioning!r} needs num_classes of 1 or more, not {num_classes}")
        if spectral_norm and not trunk.allows_spectral_norm:
            raise ValueError(
                f"spectral_norm=True is nothing for {type(trunk).__name__}, which has weights of 0 at first"
            )
        _, *self.map_size = image_shape
        self.code_sizes = [*categorical_codes, continuous_codes]
        features, pixels = trunk.num_features, self.map_size[0] * self.map_size[1]

        self.trunk = trunk
        self.logit_head = nn.Linear(features, 1)
        self.class_head = nn.Linear(features, num_classes) if conditioning == "auxiliary" else None
        self.code_head = _code_head(features, sum(self.code_sizes)) if sum(self.code_sizes) else None
        self.projection = nn.Embedding(num_classes, features) if conditioning == "projection" else None
        self.label_channel = nn.Embedding(num_classes, pixels) if conditioning == "concat" else None
        self.apply(trunk.initialise)
        if self.projection is not None:  # N(0, 1), torch's own, would drown the rest of the logit
            nn.init.xavier_uniform_(self.projection.weight)
        if spectral_norm:  # last: it starts from the weights that there are
            _normalize_spectra(self, also=self.projection)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """images (N, C, H, W), labels int64 (N,) -> logits (N,), without a sigmoid. As `examine`."""
        return self.examine(images, labels).logits

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """images (N, C, H, W), labels int64 (N,) -> what the trunk sees in them, (N, num_features). As `examine`."""
        if labels is None and (self.label_channel is not None or self.projection is not None):
            raise ValueError("this discriminator is conditional: it needs labels, and None were given")
        if self.label_channel is not None:
            channel = self.label_channel(labels).view(-1, 1, *self.map_size)
            images = torch.cat([images, channel.to(images.dtype)], dim=1)
        features: Tensor = self.trunk(images)
        return features

    def examine(self, images: Tensor, labels: Tensor | None = None) -> Judgement:
        """images (N, C, H, W), labels int64 (N,) -> all that the heads say.

        Without conditioning, and with "auxiliary", no notice is taken of labels.

        Raises:
            ValueError: "concat" or "projection" is given none.
        """
        features = self.features(images, labels)
        logits = self.logit_head(features).squeeze(1)
        if self.projection is not None:
            logits = logits + (self.projection(labels) * features).sum(dim=1)
        class_logits = None if self.class_head is None else self.class_head(features)
        if self.code_head is None:
            return Judgement(logits, class_logits)
        *code_logits, code_means = self.code_head(features).split(self.code_sizes, dim=1)
        return Judgement(logits, class_logits, tuple(code_logits), code_means if self.code_sizes[-1] else None)


def _code_head(features: int, outputs: int) -> nn.Module:
    """InfoGAN's Q network; without the paper's batch normalisation, so that each image is judged by itself."""
    return nn.Sequential(
        nn.Linear(features, CODE_HEAD_WIDTH), nn.LeakyReLU(0.1, inplace=True), nn.Linear(CODE_HEAD_WIDTH, outputs)
    )


def _normalize_spectra(network: nn.Module, also: nn.Module | None) -> None:
    for module in list(network.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d) or module is also is not None:
            normalize_spectrum(module)
