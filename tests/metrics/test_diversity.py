"""How different pictures are from each other: distances by hand, and ratios that mean what they say."""

import math

import pytest
import torch

from gan.metrics.diversity import contrast, diversity, pairwise_distance

SQUARE = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [3.0, 4.0]])  # sides 3 and 4, diagonals 5


def test_the_mean_distance_of_two_by_hand() -> None:
    assert pairwise_distance(SQUARE) == pytest.approx((3 + 3 + 4 + 4 + 5 + 5) / 6)


def test_within_classes_only_pairs_of_one_class_count() -> None:
    assert pairwise_distance(SQUARE, torch.tensor([0, 0, 1, 1])) == pytest.approx(3)
    assert pairwise_distance(SQUARE, torch.tensor([0, 1, 0, 1])) == pytest.approx(4)
    assert pairwise_distance(SQUARE, torch.tensor([0, 1, 1, 2])) == pytest.approx(5)
    assert pairwise_distance(SQUARE, torch.tensor([0, 1, 2, 3])) == 0


def test_it_is_a_multiple_of_the_real_images() -> None:
    real = torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert diversity(real, real) == 1
    assert diversity(real / 2 + 5, real) == pytest.approx(0.5)
    assert diversity(real[:1].expand(7, -1, -1, -1), real) == 0
    assert math.isnan(diversity(real, real[:1].expand(7, -1, -1, -1)))


def test_contrast_is_that_within_an_image() -> None:
    greys = torch.arange(3.0).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    assert contrast(greys) == 0
    assert contrast(torch.tensor([[[[-1.0, 1.0], [1.0, -1.0]]]])) == 1
