"""How much of a measure's differences between runs goes with one setting."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_RUNS = 6
LEVELS = 5  # a numeric setting with more values than this is cut into as many ranges with equally many runs


@dataclass(frozen=True)
class Share:
    """Of one setting: the share of variance that it explains, 0 to 1, and the mean for each value, best known first."""

    path: str
    share: float
    means: list[tuple[str, float, int]]


def shares(settings: dict[str, Sequence[str]], values: Sequence[float]) -> list[Share]:
    """For each setting, the share of the variance of ``values`` that lies between its values; the largest first.

    This is the adjusted R² of an analysis of variance with one factor, 1 - (SSW / (n - k)) / (SST / (n - 1)), no less
    than 0, over n runs and k values of the setting: unlike the plain R² it is about 0 for a setting without effect,
    also if each of its values was tried only a few times. Settings are looked at one by one; what two of them do
    together counts for neither.

    Args:
        settings: by path, the text of its value in each run.
        values: of the measure in each run, finite.

    Returns:
        Nothing for fewer than 6 runs, or where there are fewer than two more runs than values of the setting.
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
    """A setting's value as a number, if it is one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _levels(texts: Sequence[str]) -> list[str]:
    """The texts themselves, or ranges of them if they are many different numbers."""
    numbers = [number(text) for text in texts]
    known = sorted(value for value in numbers if value is not None)
    if len(set(texts)) <= LEVELS or len(known) < len(texts):
        return list(texts)
    cuts = [known[len(known) * part // LEVELS] for part in range(LEVELS)] + [known[-1]]
    ranges = [(low, high) for low, high in itertools.pairwise(cuts) if low < high]
    return [next(f"{low:g} … {high:g}" for low, high in reversed(ranges) if (value or 0) >= low) for value in numbers]
