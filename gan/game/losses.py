"""Objectives: pure functions of logits, each with its paper, side by side.

An objective is a pair: the discriminator minimises ``d_loss(real_logits, fake_logits)``, and the generator
``g_loss(fake_logits, real_logits)`` (``real_logits`` is None if the loss does not depend on real images). Logits have
shape (N,), without a bound; a loss is a scalar, the mean over a batch. Then follow the losses of D's other heads, which
both networks minimise.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from gan.game.latents import Codes
from gan.game.networks import DiscriminatorOutput
from gan.system.ranges import NonNegativeFloat, Range
from gan.system.value_types import Checked


class Objective(Checked, ABC):
    """The losses of both networks; base class of all objectives.

    A subclass implements `d_loss` and `g_loss`, and changes the attributes that differ. Its settings are the arguments
    of its constructor.

    Attributes:
        g_needs_real: ``g_loss`` needs the real logits, which are None otherwise.
        boundary: the logit between real (above) and fake (below); None if only differences of logits have a meaning.
        logistic: a logit is the log odds of being real: its sigmoid is a probability, and V(D, G) is defined.
        batch_coupled: the loss is not a mean over images or pairs, but depends on the whole batch. The batch cannot be
            cut into parts, and each process compares images of its own batch only.
        needs_lipschitz: the discriminator must not be arbitrarily steep: it needs a penalty or spectral normalisation.
    """

    g_needs_real: ClassVar[bool] = False
    boundary: ClassVar[float | None] = 0.0
    logistic: ClassVar[bool] = False
    batch_coupled: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = False

    @abstractmethod
    def d_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The discriminator's loss: real logits (N,), fake logits (M,) -> scalar, the mean over the batch."""

    @abstractmethod
    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        """The generator's loss: fake logits (M,), real logits (N,) or None -> scalar, the mean over the batch."""


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """-target * log D - (1 - target) * log(1 - D), with D = sigmoid(logits): stable for large logits."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


# Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1: D maximises V = E[log D(x)] + E[log(1 - D(G(z)))].
def value(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """V(D, G), scalar. At the game's optimum D = 1/2 everywhere and V = -log 4."""
    return -cross_entropy(real_logits, 1.0) - cross_entropy(fake_logits, 0.0)


# With Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4: one-sided label smoothing.
def logistic_d_loss(real_logits: Tensor, fake_logits: Tensor, real_target: float = 1.0) -> Tensor:
    """-V(D, G); with smoothing, D's target for real images is ``real_target`` (in (0, 1], 0.9 is usual)."""
    return cross_entropy(real_logits, real_target) + cross_entropy(fake_logits, 0.0)


# Goodfellow et al. 2014, Algorithm 1: the generator descends E[log(1 - D(G(z)))]. It saturates while D wins.
def saturating_g_loss(fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
    """E[log(1 - D(G(z)))]."""
    return -cross_entropy(fake_logits, 0.0)


# Goodfellow et al. 2014, section 3: "rather than ... log(1 - D(G(z))) we can train G to maximize log D(G(z))".
def non_saturating_g_loss(fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
    """-E[log D(G(z))]."""
    return cross_entropy(fake_logits, 1.0)


# Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 9: targets a = 0, b = 1 for D, c = 1 for G.
def least_squares_d_loss(real_logits: Tensor, fake_logits: Tensor, real_target: float = 1.0) -> Tensor:
    """1/2 E[(D(x) - real_target)^2] + 1/2 E[D(G(z))^2], with D the logits themselves."""
    return 0.5 * (real_logits - real_target).square().mean() + 0.5 * fake_logits.square().mean()


def least_squares_g_loss(fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
    """1/2 E[(D(G(z)) - 1)^2]."""
    return 0.5 * (fake_logits - 1.0).square().mean()


# Arjovsky et al. 2017, "Wasserstein GAN", equation 2: the Wasserstein distance if D is the optimal function with a
# Lipschitz constant of 1. A penalty has to enforce the Lipschitz constant.
def wasserstein_d_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-(E[D(x)] - E[D(G(z))]), with D the logits themselves."""
    return fake_logits.mean() - real_logits.mean()


def wasserstein_g_loss(fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
    """-E[D(G(z))]."""
    return -fake_logits.mean()


# Lim & Ye 2017, "Geometric GAN"; Miyato et al. 2018, "Spectral Normalization for GANs", equation 16: an image
# classified correctly by a margin of 1 gives D no gradient. The generator's loss (their equation 17) is Wasserstein's.
def hinge_d_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], with D the logits themselves."""
    return F.relu(1.0 - real_logits).mean() + F.relu(1.0 + fake_logits).mean()


# Jolicoeur-Martineau 2019, "The relativistic discriminator" (there RSGAN); Huang et al. 2024, "The GAN is dead; long
# live the GAN! A Modern GAN Baseline" (there RpGAN): is the real image of a pair more real than the fake one?
def relativistic_paired_d_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E[softplus(D(G(z)) - D(x))] over pairs in the order of the batch; both (N,). log 2 at chance."""
    return F.softplus(fake_logits - real_logits).mean()


def relativistic_paired_g_loss(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """E[softplus(D(x) - D(G(z)))]: D's loss with the roles exchanged."""
    return relativistic_paired_d_loss(fake_logits, real_logits)


# Jolicoeur-Martineau 2019 (there RaSGAN): is an image more real than those of the other kind on average? The sums are
# the paper's; the author's code (github.com/AlexiaJM/RelativisticGAN) takes half of each.
def relativistic_average_d_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-E[log sigmoid(D(x) - E D(G(z)))] - E[log(1 - sigmoid(D(G(z)) - E D(x)))], the inner means over the batch.

    Twice what the author's code computes. Adam does not see the factor; a penalty beside it weighs half as much.
    """
    return cross_entropy(real_logits - fake_logits.mean(), 1.0) + cross_entropy(fake_logits - real_logits.mean(), 0.0)


def relativistic_average_g_loss(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """D's loss with the roles exchanged."""
    return relativistic_average_d_loss(fake_logits, real_logits)


# The objectives of `objective=NAME`: one class for each pair of losses.


@dataclass(frozen=True)
class NonSaturating(Objective):
    """Logistic losses; the generator maximises log D(G(z)).

    Attributes:
        real_target: D's target for real images; below 1: one-sided label smoothing.
    """

    logistic = True
    real_target: Annotated[float, Range(above=0, most=1)] = 1.0

    def d_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return logistic_d_loss(real_logits, fake_logits, self.real_target)

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        return non_saturating_g_loss(fake_logits, real_logits)


@dataclass(frozen=True)
class Minimax(NonSaturating):
    """Logistic losses; the generator minimises log(1 - D(G(z))), the game of the original paper."""

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        return saturating_g_loss(fake_logits, real_logits)


@dataclass(frozen=True)
class LeastSquares(Objective):
    """Squared distances of the logits from their targets.

    Attributes:
        real_target: D's target for real images; below 1: one-sided label smoothing.
    """

    boundary = 0.5
    real_target: Annotated[float, Range(above=0, most=1)] = 1.0

    def d_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return least_squares_d_loss(real_logits, fake_logits, self.real_target)

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        return least_squares_g_loss(fake_logits, real_logits)


@dataclass(frozen=True)
class Wasserstein(Objective):
    """Differences of mean logits; the discriminator needs a bounded slope."""

    boundary = None
    needs_lipschitz = True

    def d_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return wasserstein_d_loss(real_logits, fake_logits)

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        return wasserstein_g_loss(fake_logits, real_logits)


@dataclass(frozen=True)
class Hinge(Objective):
    """Hinge losses for D; the generator raises its logits."""

    def d_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return hinge_d_loss(real_logits, fake_logits)

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        return wasserstein_g_loss(fake_logits, real_logits)


@dataclass(frozen=True)
class RelativisticPaired(Objective):
    """D compares a real and a fake image in pairs."""

    boundary = None
    g_needs_real = True

    def d_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return relativistic_paired_d_loss(real_logits, fake_logits)

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        assert real_logits is not None
        return relativistic_paired_g_loss(fake_logits, real_logits)


@dataclass(frozen=True)
class RelativisticAverage(Objective):
    """D compares an image with the mean of the other kind, over the whole batch."""

    boundary = None
    g_needs_real = True
    batch_coupled = True

    def d_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return relativistic_average_d_loss(real_logits, fake_logits)

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        assert real_logits is not None
        return relativistic_average_g_loss(fake_logits, real_logits)


# Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs", equation 3, L_C:
# both networks minimise it, for real and for fake images.
def class_loss(class_logits: Tensor, labels: Tensor) -> Tensor:
    """-E[log P(class | image)], scalar, from logits (N, classes) and int64 labels (N,) in [0, classes)."""
    return F.cross_entropy(class_logits, labels)


# Gong et al. 2019, "Twin Auxiliary Classifiers GAN", and Han et al. 2021, "Dual Projection GANs": with a
# classifier alone, G avoids images between classes. The loss of the twin removes this bias.
def twin_class_loss(class_logits: Tensor, twin_class_logits: Tensor, labels: Tensor) -> Tensor:
    """G's loss, scalar: 0 on average if both classifiers agree, as for generated images like the real ones.

    Args:
        class_logits: (N, classes), of the classifier of real images. twin_class_logits: of generated images.
        labels: int64 (N,) in [0, classes).
    """
    return class_loss(class_logits, labels) - class_loss(twin_class_logits, labels)


# Chen et al. 2016, "InfoGAN", equation 5: -L_I, the variational lower bound on the mutual information of codes and
# images, up to the codes' entropy, which is constant. G and D's head Q minimise it.
def information_loss(code_logits: Sequence[Tensor], code_means: Tensor | None, codes: Codes) -> Tensor:
    """-E[log Q(codes | image)], scalar: the mean over the batch of the sum over the codes, independent under Q.

    A categorical code adds its cross entropy. A continuous code adds half the squared error of its mean: the negative
    log likelihood of a Gaussian of variance 1 up to a constant. (In the paper Q predicts the variance too.)

    Args:
        code_logits: for each categorical code, (N, classes).
        code_means: (N, continuous codes); None if there are none.
        codes: the codes of the images.

    Raises:
        ValueError: the numbers of predictions and codes differ.
    """
    losses = [F.cross_entropy(guess, code) for guess, code in zip(code_logits, codes.categorical, strict=True)]
    if code_means is not None and codes.continuous is not None:
        losses.append(0.5 * F.mse_loss(code_means, codes.continuous, reduction="none").sum(dim=1).mean())
    elif code_means is not None or codes.continuous is not None:
        raise ValueError("code_means and codes.continuous must both be given, or both be None")
    return torch.stack(losses).sum()


@dataclass(frozen=True)
class AuxiliaryLosses(Checked):
    """The losses of D's other heads.

    Args:
        class_weight: weight of the loss of D's classifier (AC-GAN), or of both (twin classifiers), for both networks.
        information_weight: weight of the mutual information of codes and images: InfoGAN's lambda.
    """

    class_weight: NonNegativeFloat = 1.0
    information_weight: NonNegativeFloat = 1.0

    def __call__(
        self, images: Literal["real", "fake", "g"], output: DiscriminatorOutput, labels: Tensor, codes: Codes | None
    ) -> Iterator[tuple[str, Tensor, float]]:
        """Name, loss (scalar) and weight for each kind of head that D has.

        Args:
            images: real or fake images in D's loss, or fakes in G's loss.
            output: D's for these images. labels: int64 (N,), their classes.
            codes: the codes of fakes; None for real images.
        """
        own, twin = output.class_logits, output.twin_class_logits
        if own is not None:
            if twin is None or images == "real":
                loss = class_loss(own, labels)
            else:
                loss = twin_class_loss(own, twin, labels) if images == "g" else class_loss(twin, labels)
            yield "class_loss", loss, self.class_weight
        if codes is not None:
            yield (
                "information_loss",
                information_loss(output.code_logits, output.code_means, codes),
                self.information_weight,
            )
