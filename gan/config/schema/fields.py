"""Settings of a schema: dataclass fields with a meaning and a range."""

import math
from collections.abc import Callable, Sequence
from dataclasses import MISSING, field
from typing import Any

Check = Callable[[Any], bool]


def setting(
    meaning: str, default: Any = MISSING, *, choices: Sequence[str] = (), check: Check | None = None, allowed: str = ""
) -> Any:
    """A dataclass field with its meaning, and its choices or a check with a description of the allowed values."""
    metadata = {"meaning": meaning, "choices": tuple(choices), "check": check, "allowed": allowed}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def positive(meaning: str, default: Any = MISSING) -> Any:
    return setting(meaning, default, check=lambda x: x > 0, allowed="greater than 0")


def at_least_1(meaning: str, default: Any = MISSING, *, most: float = math.inf) -> Any:
    allowed = "1 or more" if most == math.inf else f"1 to {most:,}"
    return setting(meaning, default, check=lambda x: 1 <= x <= most, allowed=allowed)
