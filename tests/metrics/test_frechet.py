"""The Fréchet distance: properties, a reference of another make, and covariances that are singular."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gan.metrics.frechet import Moments, distance, frechet_distance
from gan.metrics.image_metrics import FrechetDistance
from gan.system.errors import GanError

Gaussian = Callable[..., Tensor]


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    moments = Moments.of(features)
    return moments.mean, moments.covariance


def by_eigenvalues(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """As it stands in the paper: the trace of the root of C₁C₂ is the sum of the roots of its eigenvalues."""
    roots = np.sqrt(np.linalg.eigvals((cov1 @ cov2).numpy()).astype(complex))
    return float((mean1 - mean2).square().sum() + cov1.trace() + cov2.trace()) - 2 * float(roots.real.sum())


def test_a_set_has_distance_0_to_itself(gaussian: Gaussian) -> None:
    moments = Moments.of(gaussian(500, 16))
    assert distance(moments, moments) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("dimension", [1, 5, 64])
def test_it_agrees_with_the_eigenvalues_of_the_product(gaussian: Gaussian, dimension: int) -> None:
    mixing = gaussian(dimension, dimension, 3)
    first, second = statistics(gaussian(400, dimension) @ mixing), statistics(gaussian(300, dimension, 1, 0.5))
    assert frechet_distance(*first, *second) == pytest.approx(by_eigenvalues(*first, *second), rel=1e-9)


def test_it_is_symmetric(gaussian: Gaussian) -> None:
    first, second = Moments.of(gaussian(90, 8)), Moments.of(gaussian(70, 8, 1, 0.3))
    assert distance(first, second) == pytest.approx(distance(second, first), rel=1e-12)


def test_exact_values_of_one_feature() -> None:
    """‖1 − 4‖² + (2 − 3)² for standard deviations 2 and 3."""
    one = frechet_distance(torch.tensor([1.0]), torch.tensor([[4.0]]), torch.tensor([4.0]), torch.tensor([[9.0]]))
    assert one == pytest.approx(10)


def test_float32_moments_are_computed_in_float64(gaussian: Gaussian) -> None:
    first, second = statistics(gaussian(400, 8)), statistics(gaussian(400, 8, 1))
    rough = frechet_distance(*(tensor.float() for tensor in (*first, *second)))
    assert rough == pytest.approx(frechet_distance(*first, *second), rel=1e-4)


def test_a_collapsed_generator_has_a_finite_distance(gaussian: Gaussian) -> None:
    """All images alike: the distance is what the mean is off, and all of the real variance."""
    real = Moments.of(gaussian(1000, 16))
    collapsed = Moments.of(torch.full((1000, 16), 2.0, dtype=torch.float64))
    expected = float((real.mean - 2).square().sum() + real.covariance.trace())
    assert distance(real, collapsed) == pytest.approx(expected, rel=1e-9)
    assert distance(collapsed, collapsed) == pytest.approx(0, abs=1e-9)


def test_fewer_images_than_features(gaussian: Gaussian) -> None:
    few, many = Moments.of(gaussian(10, 64)), Moments.of(gaussian(2000, 64, 1))
    assert math.isfinite(distance(few, many))
    assert distance(few, few) == pytest.approx(0, abs=1e-8)


def test_parts_of_a_set_add_up_to_the_set(gaussian: Gaussian) -> None:
    features, other = gaussian(1000, 32), Moments.of(gaussian(500, 32, 1))
    whole = distance(Moments.of(features), other)
    shuffled = features[torch.randperm(1000, generator=torch.Generator().manual_seed(0))]
    for parts in ((features[:137], features[137:600], features[600:]), (shuffled,)):
        metric = FrechetDistance(num_features=32)
        for part in parts:
            metric.update(part, real=False)
        metric.update(gaussian(500, 32, 1), real=True)
        assert int(metric.fake_count) == 1000
        assert float(metric.compute()) == pytest.approx(whole, abs=1e-9)


def test_statistics_are_numpy_s(gaussian: Gaussian) -> None:
    features = gaussian(50, 4, 0, 3.0)
    mean, covariance = statistics(features.float())
    assert np.allclose(mean, features.numpy().mean(0), atol=1e-6)
    assert np.allclose(covariance, np.cov(features.numpy(), rowvar=False), atol=1e-5)
    assert covariance.dtype == torch.float64


def test_one_image_has_no_covariance(gaussian: Gaussian) -> None:
    with pytest.raises(GanError, match=r"a covariance of 1 image; 2 or more expected"):
        statistics(gaussian(1, 4))
