"""The Fréchet distance between two sets of images, in the features of a network.

Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium" (there with
Inception: FID). In our extractors' features it is called FCD, for it is another number on another scale.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan.system.errors import GanError, counted


@dataclass(frozen=True)
class Moments:
    """What a Fréchet distance needs to know of a set: sums, so that those of its parts can be added up.

    Attributes:
        count: images.
        total: float64 (D,), the sum of their features.
        products: float64 (D, D), the sum of their features' outer products.
    """

    count: int
    total: Tensor
    products: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Moments":
        """Of features (N, D)."""
        exact = features.detach().cpu().double()
        return cls(len(exact), exact.sum(0), exact.T @ exact)

    @property
    def mean(self) -> Tensor:
        """float64 (D,)."""
        return self.total / self.count

    @property
    def covariance(self) -> Tensor:
        """float64 (D, D), unbiased: the divisor is N − 1.

        Raises:
            GanError: for fewer than two images.
        """
        if self.count < 2:
            raise GanError(f"a covariance of {counted(self.count, 'image')}; 2 or more expected")
        mean = self.mean
        return (self.products - self.count * torch.outer(mean, mean)) / (self.count - 1)


def frechet_distance(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₁C₂)^½), in float64: 0 for equal moments, else positive; in features squared.

    tr (C₁C₂)^½ is the sum of the singular values of C₁^½ C₂^½, for (C₁^½ C₂^½)(C₁^½ C₂^½)ᵀ = C₁^½ C₂ C₁^½ is similar to
    C₁C₂. So only symmetric matrices have their root taken, nothing can become complex, and singular covariances, as a
    collapsed generator has them, need no offset on the diagonal. And unlike the roots of the eigenvalues of that
    product, singular values do not blow rounding up from 1e-16 to 1e-8.

    Args:
        mean1, mean2: (D,).
        cov1, cov2: (D, D), symmetric, positive semidefinite but for rounding.
    """
    mean1, cov1, mean2, cov2 = (tensor.detach().cpu().double() for tensor in (mean1, cov1, mean2, cov2))
    mixed = torch.linalg.svdvals(_root(cov1) @ _root(cov2)).sum()
    distance = (mean1 - mean2).square().sum() + cov1.trace() + cov2.trace() - 2 * mixed
    return max(0.0, float(distance))


def distance(first: Moments, second: Moments) -> float:
    """The Fréchet distance between two sets."""
    return frechet_distance(first.mean, first.covariance, second.mean, second.covariance)


def _root(covariance: Tensor) -> Tensor:
    """The symmetric root of a symmetric matrix; eigenvalues that rounding has made negative count as 0."""
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
