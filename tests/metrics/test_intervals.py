"""Statistics over seeds: Student's t against printed tables, intervals by hand, pairs and Welch."""

import math

import pytest

from gan.metrics.intervals import Difference, difference, estimate, t_quantile


@pytest.mark.parametrize(
    ("freedom", "quantile"),  # the two-sided 95 % column of any table of Student's t
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (29, 2.045), (30, 2.042), (120, 1.980)],
)
def test_the_quantiles_of_the_tables(freedom: int, quantile: float) -> None:
    assert t_quantile(freedom) == pytest.approx(quantile, abs=5e-4)


def test_other_levels() -> None:
    assert t_quantile(9, 0.99) == pytest.approx(3.250, abs=5e-4)
    assert t_quantile(1, 0.5) == pytest.approx(1.0)


def test_mean_deviation_and_interval() -> None:
    found = estimate([4.0, 5.0, 6.0])
    assert (found.n, found.mean, found.std) == (3, 5.0, 1.0)
    assert found.half_width == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert found.interval == pytest.approx((5 - 2.484, 5 + 2.484), abs=1e-3)


@pytest.mark.parametrize("values", [[4.0], [4.0, math.nan], [math.inf, 1.0]])
def test_one_seed_or_a_value_that_is_not_finite_has_no_interval(values: list[float]) -> None:
    found = estimate(values)
    assert (found.n, found.std, found.interval) == (len(values), None, None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_have_no_difference(value: float) -> None:
    assert difference({0: value, 1: 2.0}, {0: 3.0, 1: 1.0}) is None
    assert difference({0: 3.0, 1: 1.0}, {0: 2.0, 1: value}) is None
    assert math.isnan(estimate([value, -value, 1.0]).mean)


def test_pairs_remove_what_the_seeds_have_in_common() -> None:
    """The seeds vary by 10, the two configurations differ by 1 at each: paired it is clear, unpaired it is not."""
    base = {0: 10.0, 1: 20.0, 2: 30.0}
    ours = {0: 11.1, 1: 21.0, 2: 30.9}
    paired = difference(ours, base)
    assert (paired.paired, paired.n, paired.is_separate) == (True, 3, True)
    assert paired.mean == pytest.approx(1.0)
    assert paired.half_width == pytest.approx(4.303 * 0.1 / math.sqrt(3), abs=1e-3)
    unpaired = difference({seed + 10: value for seed, value in ours.items()}, base)
    assert (unpaired.paired, unpaired.is_separate) == (False, False)
    assert unpaired.mean == pytest.approx(1.0)


def test_only_common_seeds_are_paired() -> None:
    found = difference({0: 2.0, 1: 3.0, 5: 100.0}, {0: 1.0, 1: 2.0, 7: -100.0})
    assert (found.n, found.mean, found.half_width, found.is_separate) == (2, 1.0, 0.0, True)


def test_welch_by_hand() -> None:
    """Variances 1 and 16, 4 seeds each: error sqrt(17/4), freedom (17/4)²/((1/16 + 256/16)/3) = 3.37, rounded to 3."""
    ours = dict(enumerate([5 - math.sqrt(1.5), 5.0, 5.0, 5 + math.sqrt(1.5)]))
    base = {f"b{seed}": 4 * value for seed, value in ours.items()}
    found = difference(ours, base)
    assert found.mean == pytest.approx(-15.0)
    assert found.half_width == pytest.approx(3.182 * math.sqrt(17 / 4), abs=2e-3)


def test_one_seed_against_others_cannot_be_separated() -> None:
    found = difference({0: 1.0}, {0: 100.0, 1: 100.0, 2: 100.0})
    assert found == Difference(1, -99.0)
    assert not found.is_separate


def test_equal_values_are_not_separate() -> None:
    assert not difference({0: 1.0, 1: 1.0}, {0: 1.0, 1: 1.0}).is_separate
    assert not difference({0: 1.0, 1: 1.0}, {2: 1.0, 3: 1.0}).is_separate
    assert difference({0: 1.0, 1: 1.0}, {2: 2.0, 3: 2.0}).is_separate
