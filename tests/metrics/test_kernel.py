"""KID: no bias, agreement with torchmetrics, the same numbers for the same seed."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchmetrics.image.kid import poly_mmd

from gan.metrics.kernel import kernel_distance, unbiased_mmd
from gan.system.errors import GanError

Gaussian = Callable[..., Tensor]


def test_it_agrees_with_torchmetrics(gaussian: Gaussian) -> None:
    real, fake = gaussian(200, 16), gaussian(200, 16, 1, 0.2)
    assert unbiased_mmd(real, fake) == pytest.approx(float(poly_mmd(real, fake)), rel=1e-10)


def test_equal_distributions_give_0_on_average(gaussian: Gaussian) -> None:
    distances = [unbiased_mmd(gaussian(100, 4, 2 * seed), gaussian(100, 4, 2 * seed + 1)) for seed in range(60)]
    mean = torch.tensor(distances).mean()
    spread = torch.tensor(distances).std() / len(distances) ** 0.5
    assert abs(mean) < 3 * spread
    assert min(distances) < 0 < max(distances)


def test_it_grows_with_the_distance(gaussian: Gaussian) -> None:
    real = gaussian(500, 8)
    found = [kernel_distance(real, gaussian(500, 8, 1, shift), subset_size=200)[0] for shift in (0, 0.2, 0.5, 1)]
    assert found == sorted(found)


def test_the_same_seed_gives_the_same_numbers(gaussian: Gaussian) -> None:
    real, fake = gaussian(300, 8), gaussian(400, 8, 1)
    first, again, other = (kernel_distance(real, fake, subsets=5, subset_size=100, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert first[1] > 0


@pytest.mark.parametrize("size", [1, 51])
def test_a_subset_is_no_larger_than_a_set(gaussian: Gaussian, size: int) -> None:
    with pytest.raises(GanError, match=rf"KID: subsets of {size} images; 2 to 50 expected, the smaller set's size"):
        kernel_distance(gaussian(50, 4), gaussian(60, 4), subset_size=size)
