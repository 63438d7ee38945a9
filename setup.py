"""List of packages: pyproject.toml, which has all else, cannot add `gan.conf` (the folder conf/) to those it finds."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["gan", "gan.*"]), "gan.conf", "hydra_plugins"],
    package_dir={"gan.conf": "conf"},
)
