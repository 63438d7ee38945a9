"""Trust in packages: what a run folder or a bundle may import in addition to gan, lightning and torch."""

import os
from collections.abc import Sequence

VARIABLE = "GAN_TRUST"


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
