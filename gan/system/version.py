"""Version of this package: the one in pyproject.toml."""

import importlib.metadata
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"  # in a checkout, which may differ from what is installed


def version(project: Path = PROJECT) -> str:
    """Return the version in ``project`` if that is this project's file, else the version of the installed package."""
    found = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}) if project.is_file() else {}
    if found.get("name") == "gan":
        return str(found["version"])
    return importlib.metadata.version("gan")
