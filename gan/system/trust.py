"""Trust in packages: what a run folder or a bundle may import in addition to gan, lightning and torch."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

VARIABLE = "GAN_TRUST"
OWN_PACKAGES = ("gan", "lightning", "torch")


def trusted(packages: Sequence[str] = ()) -> tuple[str, ...]:
    """The packages that the user trusts: those given, and those of the environment variable GAN_TRUST.

    Args:
        packages: names of packages or modules, as from ``trust=[mypkg]`` or ``--trust mypkg``.
    """
    of_environment = (name.strip() for name in os.environ.get(VARIABLE, "").split(","))
    packages = [name for given in packages for name in given.split(",")]
    return tuple(dict.fromkeys([*packages, *filter(None, of_environment)]))


def add(packages: Sequence[str]) -> None:
    """Trust these packages in this process and in those that it starts."""
    if packages:
        os.environ[VARIABLE] = ",".join(trusted(packages))


def is_below(target: str, packages: Iterable[str]) -> bool:
    """Whether a dotted name is in one of these packages or modules, such as ``mypkg.losses``."""
    return any(target == package or target.startswith(f"{package}.") for package in packages)


def untrusted(settings: Any, trusted: Collection[str], path: str = "") -> Iterator[tuple[str, str]]:
    """The path and the target of every node, at any depth, that is not from this project or a trusted package."""
    if isinstance(settings, Mapping) and "_target_" in settings:
        target = str(settings["_target_"])
        if target.split(".", maxsplit=1)[0] not in (*OWN_PACKAGES, *trusted) and not is_below(target, trusted):
            yield f"{path}._target_", target
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from untrusted(value, trusted, f"{path}.{key}" if path else str(key))
    elif isinstance(settings, list | tuple):
        for index, value in enumerate(settings):
            yield from untrusted(value, trusted, f"{path}[{index}]")


def trust_override(settings: Any) -> list[str]:
    """The override that trusts the packages of all classes that these settings name; [] if none is needed."""
    packages = dict.fromkeys(target.split(".")[0] for _, target in untrusted(settings, ()))
    return [f"trust=[{','.join(packages)}]"] if packages else []
