"""What `gan.config.validation.validate` has to say of settings, as lines."""

from typing import Any

from gan.config.validation import validate
from gan.system.errors import ConfigError


def problems(settings: dict[str, Any]) -> list[str]:
    try:
        validate(settings)
    except ConfigError as error:
        return str(error).splitlines()
    return []
