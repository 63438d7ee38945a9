"""Importance of settings: the fraction of a metric's variance between runs that one setting explains."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_RUNS = 6
LEVELS = 5  # a numeric setting with more values is divided into this many ranges with equally many runs


@dataclass(frozen=True)
class Share:
    """A setting, the fraction of variance that it explains, 0 to 1, and (value, mean, runs) by increasing mean."""

    path: str
    share: float
    means: list[tuple[str, float, int]]


def shares(settings: dict[str, Sequence[str]], values: Sequence[float]) -> list[Share]:
    """For each setting, the fraction of the variance of ``values`` that it explains; the largest first.

    This is the adjusted R² of a one-way analysis of variance, 1 - (SSW / (n - k)) / (SST / (n - 1)), at least 0, for n
    runs and k values of the setting. Unlike the plain R² it is about 0 for a setting without effect, even if each value
    was tried only a few times. Each setting is analysed separately; interactions between settings do not count.

    Args:
        settings: path -> text of the value in each run.
        values: the metric in each run; all finite.

    Returns:
        The result without settings that have only one value or more than n - 2 values; empty for fewer than 6 runs.
    """
    found = []
    for path, texts in settings.items():
        levels = _levels(texts)
        groups = [[v for v, of in zip(values, levels, strict=True) if of == level] for level in dict.fromkeys(levels)]
        if len(values) >= LEAST_RUNS and 1 < len(groups) <= len(values) - 2:
            means = [
                (level, statistics.mean(group), len(group))
                for level, group in zip(dict.fromkeys(levels), groups, strict=True)
            ]
            found.append(Share(path, _adjusted(groups, values), sorted(means, key=lambda entry: entry[1])))
    return sorted(found, key=lambda share: -share.share)


def _adjusted(groups: Sequence[Sequence[float]], values: Sequence[float]) -> float:
    total = _squares(values) / (len(values) - 1)
    within = sum(_squares(group) for group in groups) / (len(values) - len(groups))
    return max(0.0, 1 - within / total) if total > 0 else 0.0


def _squares(values: Sequence[float]) -> float:
    mean = statistics.fmean(values)
    return math.fsum((value - mean) ** 2 for value in values)


def number(text: str) -> float | None:
    """A setting's value as a finite number; None if it is not one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _levels(texts: Sequence[str]) -> list[str]:
    """The texts, or ranges if they are many different numbers."""
    numbers = [number(text) for text in texts]
    if len(set(texts)) <= LEVELS or None in numbers:
        return list(texts)
    known = sorted({value for value in numbers if value is not None})
    cuts = [known[len(known) * part // LEVELS] for part in range(LEVELS)] + [known[-1]]
    ranges = [(low, high) for low, high in itertools.pairwise(cuts) if low < high]
    return [next(f"{low:g} … {high:g}" for low, high in reversed(ranges) if (value or 0) >= low) for value in numbers]
