"""Objectives of the game: pure functions of logits, each with its paper, side by side.

An objective is a pair: ``d_loss(real_logits, fake_logits)`` is what the discriminator minimises and
``g_loss(fake_logits, real_logits)`` what the generator minimises (``real_logits`` is None where the generator's loss
does not look at real images, as in all of today's). Logits have shape (N,); a loss is a scalar, the mean over a batch.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


@dataclass(frozen=True)
class Objective:
    """What each of the two players minimises."""

    d_loss: Callable[..., Tensor]
    g_loss: Callable[[Tensor, Tensor | None], Tensor]


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """-target * log D - (1 - target) * log(1 - D), with D = sigmoid(logits): stable for logits of any size."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


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


OBJECTIVES = {
    "non_saturating": Objective(logistic_d_loss, non_saturating_g_loss),
    "minimax": Objective(logistic_d_loss, saturating_g_loss),
}


def build_objective(name: str, real_target: float = 1.0) -> Objective:
    """The objective of a name in ``OBJECTIVES``, with D's target for real images."""
    objective = OBJECTIVES[name]
    return Objective(functools.partial(objective.d_loss, real_target=real_target), objective.g_loss)
