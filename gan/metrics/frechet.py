"""The Fréchet distance between two sets of images, in the features of a network.

Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium" (with Inception:
FID). With the extractors of this package it is called FCD, because the values are on another scale.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan.system.errors import GanError, counted


@dataclass(frozen=True)
class Moments:
    """The statistics of a set that a Fréchet distance needs, as sums, so that parts of a set can be added.

    Attributes:
        count: number of images.
        total: float64 (D,), the sum of the features.
        products: float64 (D, D), the sum of the outer products of the features.
    """

    count: int
    total: Tensor
    products: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Moments":
        """The statistics of features (N, D)."""
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
            GanError: fewer than two images.
        """
        if self.count < 2:
            raise GanError(f"a covariance of {counted(self.count, 'image')}; 2 or more expected")
        mean = self.mean
        return (self.products - self.count * torch.outer(mean, mean)) / (self.count - 1)


def frechet_distance(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₁C₂)^½), in float64: 0 for equal moments, else positive; in features squared.

    tr (C₁C₂)^½ is the sum of the singular values of C₁^½ C₂^½, since (C₁^½ C₂^½)(C₁^½ C₂^½)ᵀ = C₁^½ C₂ C₁^½ is similar
    to C₁C₂. So roots are needed only of symmetric matrices, no value becomes complex, and the singular covariances of a
    collapsed generator need no offset on the diagonal. The roots of the eigenvalues of the product would amplify
    rounding errors from 1e-16 to 1e-8; singular values do not.

    Args:
        mean1, mean2: (D,).
        cov1, cov2: (D, D), symmetric, positive semidefinite up to rounding.
    """
    mean1, cov1, mean2, cov2 = (tensor.detach().cpu().double() for tensor in (mean1, cov1, mean2, cov2))
    mixed = torch.linalg.svdvals(_root(cov1) @ _root(cov2)).sum()
    distance = (mean1 - mean2).square().sum() + cov1.trace() + cov2.trace() - 2 * mixed
    return max(0.0, float(distance))


def distance(first: Moments, second: Moments) -> float:
    """The Fréchet distance between two sets."""
    return frechet_distance(first.mean, first.covariance, second.mean, second.covariance)


def _root(covariance: Tensor) -> Tensor:
    """The symmetric root of a symmetric matrix; eigenvalues that are negative because of rounding are set to 0."""
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
