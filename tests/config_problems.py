"""What `gan.config.validation.validate` has to say of settings, as lines."""

from collections.abc import Iterator
from typing import Any

from gan.config.validation import validate
from gan.system.errors import ConfigError


def problems(settings: dict[str, Any]) -> list[str]:
    try:
        validate(settings)
    except ConfigError as error:
        return str(error).splitlines()
    return []


def paths(node: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every setting and node."""
    for name, value in node.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from paths(value, (*above, name))
