"""What a classifier sees: exact values at the ends of each range, and a value in between."""

import math

import pytest
import torch

from gan.metrics.classes import (
    class_shares,
    classifier_score,
    kl_to_uniform,
    label_accuracy,
    missing_classes,
    stacked_modes,
)


def test_the_score_of_clear_and_even_images_is_the_number_of_classes() -> None:
    assert classifier_score(1000 * torch.eye(10).repeat(20, 1)) == pytest.approx(10)


def test_the_score_of_one_class_or_of_unclear_images_is_1() -> None:
    assert classifier_score(1000 * torch.eye(10)[[3] * 20]) == pytest.approx(1)
    assert classifier_score(torch.zeros(20, 10)) == pytest.approx(1)


def test_the_score_by_hand() -> None:
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8]], dtype=torch.float64)
    overall = probabilities.mean(0)
    expected = math.exp(float((probabilities * (probabilities / overall).log()).sum(1).mean()))
    assert classifier_score(probabilities.log()) == pytest.approx(expected, rel=1e-12)


def test_shares_and_their_divergence() -> None:
    shares = class_shares(torch.tensor([0, 0, 1, 3]), 4)
    assert shares == [0.5, 0.25, 0, 0.25]
    assert kl_to_uniform(shares) == pytest.approx(0.5 * math.log(2))
    assert kl_to_uniform([0.25] * 4) == 0
    assert kl_to_uniform([1, 0, 0, 0]) == pytest.approx(math.log(4))


def test_a_class_is_missing_below_a_tenth_of_its_share() -> None:
    assert missing_classes([0.0, 0.009, 0.011, 0.98], [0.1, 0.1, 0.1, 0.7]) == [0, 1]


def test_label_accuracy() -> None:
    assert label_accuracy(torch.tensor([1, 2, 3, 3]), torch.tensor([1, 2, 3, 4])) == 0.75


def test_modes_of_stacked_digits() -> None:
    every = torch.cartesian_prod(*[torch.arange(10)] * 3)
    assert stacked_modes(every) == (1000, pytest.approx(0, abs=1e-12))
    assert stacked_modes(every[:10].repeat(100, 1)) == (10, pytest.approx(math.log(100)))
    assert stacked_modes(torch.tensor([[1, 2, 3]])) == (1, pytest.approx(math.log(1000)))


def test_26_000_perfect_stacks_have_all_modes_at_the_known_divergence() -> None:
    digits = torch.randint(10, (26_000, 3), generator=torch.Generator().manual_seed(0))
    modes, divergence = stacked_modes(digits)
    assert modes == 1000
    assert divergence == pytest.approx(999 / (2 * 26_000), rel=0.1)  # the expectation to first order
