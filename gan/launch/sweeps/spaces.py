"""Search space: converts Hydra's sweep overrides to Optuna's distributions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from gan.system.errors import ConfigError


def space(overrides: Sequence[Override]) -> dict[str, BaseDistribution]:
    """Return the distributions of the settings to search, by path.

    ``a=1,2`` and ``a=choice(1,2)`` are categorical; ``a=range(1,9)`` and ``a=int(interval(1,9))`` are integers;
    ``a=interval(0.1,0.9)`` is a float, and ``a=tag(log,interval(1e-5,1e-3))`` a float on a logarithmic scale.

    Raises:
        ConfigError: there is no setting to search, or one has no value.
    """
    found = {
        override.get_key_element(): _distribution(override) for override in overrides if override.is_sweep_override()
    }
    if not found:
        raise ConfigError(
            "hydra/sweeper=optuna: no setting to search; values or an interval expected, such as "
            "'optimizer.lr=tag(log,interval(1e-5,1e-3))'"
        )
    return found


def suggested(trial: Trial, name: str, distribution: BaseDistribution) -> Any:
    """Let the sampler of a trial choose a value from a distribution, and return it."""
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    suggest: Any = trial.suggest_int if isinstance(distribution, IntDistribution) else trial.suggest_float
    return suggest(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)


def in_words(distribution: BaseDistribution) -> str:
    """Format a distribution as text, e.g. "0.0001 to 0.001 (log)"; it does not depend on how it was typed."""
    if isinstance(distribution, CategoricalDistribution):
        return ", ".join(map(str, distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    whole, steps = isinstance(distribution, IntDistribution), step not in (None, 1)
    marks = {"whole": whole, "log": distribution.log, f"in steps of {step}": steps}
    notes = ", ".join(mark for mark, holds in marks.items() if holds)
    return f"{low:g} to {high:g}" + (f" ({notes})" if notes else "")


def values_to_try(distributions: Mapping[str, BaseDistribution]) -> dict[str, list[str]]:
    """Return representative values of each setting: all categories, or one end of a numeric range."""
    tried = {}
    for name, found in distributions.items():
        assert isinstance(found, CategoricalDistribution | FloatDistribution | IntDistribution)
        tried[name] = list(map(str, found.choices if isinstance(found, CategoricalDistribution) else [found.low]))
    return tried


def _distribution(override: Override) -> BaseDistribution:
    value: Any = override.value()
    given = f"{override.get_key_element()}: {str(override.input_line).partition('=')[2]} given"
    if isinstance(value, IntervalSweep):
        return _between(value.start, value.end, log="log" in value.tags, given=given)
    words = list(override.sweep_string_iterator())
    if not words:
        raise ConfigError(f"{given}, which has no values")
    if isinstance(value, RangeSweep) and all(isinstance(end, int) for end in (value.start, value.stop, value.step)):
        numbers = sorted(map(int, words))
        return IntDistribution(numbers[0], numbers[-1], step=abs(int(value.step)))
    return CategoricalDistribution(words)


def _between(low: Any, high: Any, *, log: bool, given: str) -> BaseDistribution:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ConfigError(f"{given}; two finite numbers expected")
    if low > high:
        raise ConfigError(f"{given}; the lower limit first expected: interval({high},{low})")
    if log and low <= 0:
        raise ConfigError(f"{given}; limits above 0 expected for a logarithmic search")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)
