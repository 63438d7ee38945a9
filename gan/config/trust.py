"""Trust in saved settings: a run folder may name only classes of this project, and of packages that the user trusts."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from gan.system import shell
from gan.system.errors import ConfigError


def as_override(packages: Sequence[str]) -> str:
    return shell.command(f"trust=[{','.join(packages)}]")


def check_trust(
    found: Collection[tuple[str, str]],
    trusted: Collection[str],
    advice: Callable[[Sequence[str]], str] = as_override,
    what: str = "A run folder",
) -> None:
    """Refuse classes that saved settings name, and whose packages the user does not trust.

    Args:
        found: path and target of each, from `untrusted`.
        trusted: packages that the user trusts already.
        advice: what to type to trust packages.
        what: what has the settings.

    Raises:
        ConfigError: there are some; nothing was imported.
    """
    if not found:
        return
    packages = list(dict.fromkeys(target.split(".")[0] for _, target in found))
    raise ConfigError(
        "\n".join(f"{path}: '{target}' given" for path, target in found)
        + f"\n{what} imports only gan, lightning and torch, because it may come from anyone. If you trust the "
        f"code of {' and '.join(packages)}, add {advice([*trusted, *packages])}"
    )


def check_literal(settings: Any, what: str) -> None:
    """Refuse interpolations, such as ``${oc.env:HOME}``, in settings that may come from anyone.

    Saved settings are resolved. OmegaConf and Hydra would resolve these again: an interpolation could read the
    environment, or make a node that `untrusted` has not seen.

    Raises:
        ConfigError: a value contains one.
    """
    found = list(_interpolations(settings))
    if found:
        path, value = found[0]
        raise ConfigError(f"{path}: {value!r} given; {what} has no interpolations: its values are resolved")


def _interpolations(settings: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from _interpolations(str(key), f"{path}.{key}")
            yield from _interpolations(value, f"{path}.{key}" if path else str(key))
    elif isinstance(settings, list | tuple):
        for index, value in enumerate(settings):
            yield from _interpolations(value, f"{path}[{index}]")
    elif isinstance(settings, str) and "${" in settings:
        yield path, settings
