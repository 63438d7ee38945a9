"""Objectives of the game: pure functions of logits, each with its paper, side by side.

An objective is a pair: ``d_loss(real_logits, fake_logits)`` is what the discriminator minimises and
``g_loss(fake_logits, real_logits)`` what the generator minimises (``real_logits`` is None where the generator's loss does
not look at real images, as in all of today's). Logits have shape (N,), a loss is a scalar: the mean over the batch. With D = sigmoid(logit): log D = -softplus(-logit) and log(1 - D) = -softplus(logit), which never
overflow.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Objective:
    """What each of the two players minimises."""

    d_loss: Callable[[Tensor, Tensor], Tensor]
    g_loss: Callable[[Tensor, Tensor | None], Tensor]


# Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1: D maximises V = E[log D(x)] + E[log(1 - D(G(z)))].
def value(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """V(D, G), scalar. At the game's optimum D = 1/2 everywhere and V = -log 4."""
    return -softplus(-real_logits).mean() - softplus(fake_logits).mean()


def logistic_d_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-V(D, G): binary cross-entropy of real against 1 plus that of fake against 0."""
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


# Goodfellow et al. 2014, Algorithm 1: the generator descends E[log(1 - D(G(z)))]. It saturates while D wins.
def saturating_g_loss(fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
    """E[log(1 - D(G(z)))]."""
    return -softplus(fake_logits).mean()


# Goodfellow et al. 2014, section 3: "rather than ... log(1 - D(G(z))) we can train G to maximize log D(G(z))".
def non_saturating_g_loss(fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
    """-E[log D(G(z))]: binary cross-entropy of fake against 1."""
    return softplus(-fake_logits).mean()


OBJECTIVES = {
    "non_saturating": Objective(logistic_d_loss, non_saturating_g_loss),
    "minimax": Objective(logistic_d_loss, saturating_g_loss),
}


# Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4: one-sided label smoothing.
def smoothed(objective: Objective, real_target: float) -> Objective:
    """The logistic objective with ``real_target`` (in (0, 1], 0.9 is usual) in place of D's target 1 for real images.

    BCE(logit, t) = softplus(-logit) + (1 - t) * logit, so smoothing adds (1 - t) * E[real logit] to D's loss.
    """
    if real_target == 1.0:
        return objective

    def d_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return objective.d_loss(real_logits, fake_logits) + (1.0 - real_target) * real_logits.mean()

    return Objective(d_loss, objective.g_loss)
