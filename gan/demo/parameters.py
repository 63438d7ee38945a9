"""Parameters of a page's query, parsed and checked against their types and ranges."""

import math
from collections.abc import Mapping, Sequence

from gan.system.errors import GanError


def parse_int(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """An integer from ``least`` to ``most``."""
    text = query.get(name) or str(default)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and least <= int(text) <= most):
        raise GanError(f"{name}: {text[:40]!r} given; an integer from {least} to {most} expected")
    return int(text)


def parse_float(query: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    """A number from ``least`` to ``most``."""
    text = query.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise GanError(f"{name}: {text[:40]!r} given; a number from {least:g} to {most:g} expected")
    return value


def parse_floats(query: Mapping[str, str], name: str, count: int, reach: float) -> list[float | None]:
    """``count`` comma-separated numbers from -reach to reach; empty and missing ones are None."""
    texts = _padded(query.get(name, ""), name, count)
    return [parse_float({name: text}, name, 0, -reach, reach) if text else None for text in texts]


def parse_ints(query: Mapping[str, str], name: str, sizes: Sequence[int]) -> list[int | None]:
    """A comma-separated integer from 0 to size - 1 for each size; empty and missing ones are None."""
    texts = _padded(query.get(name, ""), name, len(sizes))
    return [
        parse_int({name: text}, name, 0, 0, size - 1) if text else None for text, size in zip(texts, sizes, strict=True)
    ]


def _padded(text: str, name: str, count: int) -> list[str]:
    parts = text.split(",") if text else []
    if len(parts) > count:
        raise GanError(f"{name}: {len(parts)} given; at most {count} expected")
    return [*parts, *[""] * (count - len(parts))]
