"""Trust in saved settings: a run folder may name only classes of ours, and of packages that the user trusts."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gan.config.kinds import OWN_PACKAGES, is_below, is_node
from gan.system import shell
from gan.system.errors import ConfigError


def untrusted(settings: Any, trusted: Collection[str], path: str = "") -> Iterator[tuple[str, str]]:
    """The path and the target of every node, at any depth, that is neither of ours nor of a trusted package."""
    if is_node(settings):
        target = str(settings["_target_"])
        if target.split(".", maxsplit=1)[0] not in (*OWN_PACKAGES, *trusted) and not is_below(target, trusted):
            yield f"{path}._target_", target
    items = (
        settings.items()
        if isinstance(settings, Mapping)
        else enumerate(settings)
        if isinstance(settings, list | tuple)
        else ()
    )
    for key, value in items:
        where = f"{path}[{key}]" if isinstance(settings, list | tuple) else f"{path}.{key}" if path else str(key)
        yield from untrusted(value, trusted, where)


def check_trust(found: Collection[tuple[str, str]], trusted: Collection[str], way: str = "trust=[{}]") -> None:
    """Refuse classes that a run folder names, and whose packages the user does not trust.

    Args:
        found: path and target of each, from `gan.config.kinds.untrusted`.
        trusted: packages that the user trusts already.
        way: how to trust packages, with their names in place of the braces.

    Raises:
        ConfigError: there are some; nothing was imported.
    """
    if not found:
        return
    packages = list(dict.fromkeys(target.split(".")[0] for _, target in found))
    word = shell.command(*way.format(",".join([*trusted, *packages])).split(" "))
    raise ConfigError(
        "\n".join(f"{path}: '{target}' given" for path, target in found)
        + "\nA run folder imports only gan, lightning and torch, because it may come from anyone. If you trust the "
        f"code of {' and '.join(packages)}, add {word}"
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
