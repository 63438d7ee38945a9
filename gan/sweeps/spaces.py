"""What a search may choose from: Hydra's words for ranges of values, as Optuna's distributions."""

from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from gan.errors import ConfigError


def space(overrides: Sequence[Override]) -> dict[str, BaseDistribution]:
    """The settings to search, by their paths.

    ``a=1,2`` and ``a=choice(1,2)`` are values without an order; ``a=range(1,9)`` and ``a=int(interval(1,9))`` whole
    numbers, ``a=interval(0.1,0.9)`` any number, and ``a=tag(log,interval(1e-5,1e-3))`` the same by its logarithm.

    Raises:
        ConfigError: there is none, or an interval is empty.
    """
    found = {override.get_key_element(): _distribution(override) for override in overrides if _is_searched(override)}
    if not found:
        raise ConfigError(
            "hydra/sweeper=optuna: no setting to search; values or an interval expected, such as "
            "'optimizer.lr=tag(log,interval(1e-5,1e-3))'"
        )
    return found


def _is_searched(override: Override) -> bool:
    return bool(override.is_sweep_override())


def _distribution(override: Override) -> BaseDistribution:
    value: Any = override.value()
    if isinstance(value, IntervalSweep):
        try:
            return _between(value.start, value.end, log="log" in value.tags)
        except ValueError as error:
            raise ConfigError(f"{override.get_key_element()}: {override.input_line}: {error}") from error
    words = list(override.sweep_string_iterator())
    if isinstance(value, RangeSweep) and all(isinstance(end, int) for end in (value.start, value.stop, value.step)):
        numbers = sorted(map(int, words))
        return IntDistribution(numbers[0], numbers[-1], step=abs(int(value.step)))
    return CategoricalDistribution(words)


def _between(low: Any, high: Any, *, log: bool) -> BaseDistribution:
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)
