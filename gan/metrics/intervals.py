"""Statistics over seeds: mean, standard deviation, and 95 % confidence intervals by Student's t distribution.

This module does not import torch.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LEVEL = 0.95  # of all confidence intervals
STEPS = 100  # of bisection: halves the range of the angle until float64 is exhausted


@dataclass(frozen=True)
class Estimate:
    """The mean of one value per seed.

    Attributes:
        n: number of seeds, 1 or more.
        mean: their mean; not finite if one of them is not.
        std: sample standard deviation (divisor n - 1); None for one seed or a value that is not finite.
        half_width: half the width of the 95 % confidence interval of the mean; None where ``std`` is.
    """

    n: int
    mean: float
    std: float | None = None
    half_width: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval of the mean; None if there is none."""
        return None if self.half_width is None else (self.mean - self.half_width, self.mean + self.half_width)


@dataclass(frozen=True)
class Difference(Estimate):
    """The mean difference of two configurations, with its confidence interval.

    Attributes:
        n: number of pairs; if unpaired, the smaller of the two numbers of seeds.
        paired: whether the seeds are the same, so that each difference is between two runs with one seed.
    """

    paired: bool = False

    @property
    def is_separate(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return self.half_width is not None and abs(self.mean) > self.half_width


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, standard deviation and interval of one or more values, one per seed."""
    if not all(map(math.isfinite, values)):
        return Estimate(len(values), math.nan)
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Estimate(len(values), mean)
    std = statistics.stdev(values)
    return Estimate(len(values), mean, std, t_quantile(len(values) - 1) * std / math.sqrt(len(values)))


def prediction_half_width(values: Sequence[float]) -> float:
    """Half the width of the interval around the mean in which one more value is expected with 95 % probability.

    For two or more values of a normal distribution: t · s · sqrt(1 + 1/n) (Hahn and Meeker 1991, "Statistical
    Intervals").
    """
    return t_quantile(len(values) - 1) * statistics.stdev(values) * math.sqrt(1 + 1 / len(values))


def difference(values: Mapping[Any, float], base: Mapping[Any, float]) -> Difference | None:
    """The mean of ``values`` minus the mean of ``base``, each one value per seed; None if one is not finite.

    Two or more common seeds are compared in pairs: the interval is that of the differences. Otherwise the interval is
    Welch's, for unequal variances (Welch 1947, "The generalization of Student's problem when several different
    population variances are involved"), with the degrees of freedom rounded down.
    """
    if not all(map(math.isfinite, [*values.values(), *base.values()])):
        return None
    common = [seed for seed in values if seed in base]
    if len(common) >= 2:
        return Difference(**vars(estimate([values[seed] - base[seed] for seed in common])), paired=True)
    ours, theirs = estimate(list(values.values())), estimate(list(base.values()))
    n, mean = min(ours.n, theirs.n), ours.mean - theirs.mean
    if ours.std is None or theirs.std is None:
        return Difference(n, mean)
    parts = [each.std**2 / each.n for each in (ours, theirs) if each.std is not None]
    error = math.sqrt(sum(parts))
    if not error:
        return Difference(n, mean, 0.0, 0.0)
    freedom = sum(parts) ** 2 / sum(part**2 / (each.n - 1) for part, each in zip(parts, (ours, theirs), strict=True))
    return Difference(n, mean, None, t_quantile(max(1, math.floor(freedom))) * error)


@lru_cache
def t_quantile(freedom: int, level: float = LEVEL) -> float:
    """The t for which a variable of Student's t distribution is between -t and t with probability ``level``.

    By bisection of the closed form for an integer of degrees of freedom.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(STEPS):
        angle = (low + high) / 2
        low, high = (angle, high) if _central_probability(angle, freedom) < level else (low, angle)
    return math.sqrt(freedom) * math.tan(low)


def _central_probability(angle: float, freedom: int) -> float:
    """P(|T| < t) with t = sqrt(freedom) · tan(angle): Abramowitz and Stegun 1964, formulas 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2
    term = cosine if is_odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + is_odd, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total
