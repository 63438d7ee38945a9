"""Allowed values of settings, as annotations of constructor arguments: ``gamma: PositiveFloat = 10.0``.

The constructor of a class is the only description of its settings: name, type, range and default are in its signature,
the meaning is in its docstring. `gan.system.value_types` compares values with such annotations. This module does not
import torch, so that `gan options` can read the annotations of our classes without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Range:
    """Limits of a number.

    Attributes:
        least, most: smallest and largest allowed value; None for no limit.
        above, below: limits that are not allowed themselves.
        unit: unit of the number, for messages.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    unit: str = ""

    def allows(self, value: Any) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        low, high = _first(self.least, self.above), _first(self.most, self.below)
        if low is None or high is None:
            if low is None:
                return f"{high:,} or less{unit}" if self.below is None else f"less than {high:,}{unit}"
            return f"{low:,} or more{unit}" if self.above is None else f"greater than {low:,}{unit}"
        if (
            isinstance(low, int)
            and isinstance(high, int)
            and self.least is not None
            and self.most is not None
            and high > 1
        ):
            return f"{low:,} to {high:,}{unit}"
        return f"in {'[' if self.above is None else '('}{low:,}, {high:,}{']' if self.below is None else ')'}{unit}"


@dataclass(frozen=True)
class Length:
    """Limits of the number of items in a list."""

    least: int = 1
    most: int = 256

    def allows(self, value: Any) -> bool:
        return self.least <= len(value) <= self.most

    def __str__(self) -> str:
        return f"{self.least} to {self.most:,} of them"


@dataclass(frozen=True)
class OneOf:
    """The allowed values of a word, where ``typing.Literal`` would be too long."""

    choices: tuple[str, ...]

    def allows(self, value: Any) -> bool:
        return value in self.choices

    def __str__(self) -> str:
        return ", ".join(self.choices)


@dataclass(frozen=True)
class SomeOf:
    """A list of one or more of these words, each at most once."""

    choices: tuple[str, ...]

    def allows(self, value: Any) -> bool:
        return isinstance(value, Sequence) and 0 < len(value) == len(set(value)) and set(value) <= set(self.choices)

    def __str__(self) -> str:
        return f"one or more of {', '.join(self.choices)} (each at most once)"


Rule = Range | Length | OneOf | SomeOf

PositiveFloat = Annotated[float, Range(above=0)]
NonNegativeFloat = Annotated[float, Range(least=0)]
Fraction = Annotated[float, Range(least=0, most=1)]
Dropout = Annotated[float, Range(least=0, below=1)]
PositiveInt = Annotated[int, Range(least=1)]
NonNegativeInt = Annotated[int, Range(least=0)]


def _first(*limits: float | None) -> float | None:
    return next((limit for limit in limits if limit is not None), None)
