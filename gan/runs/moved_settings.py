"""Settings of a run whose folder was moved: its path is replaced in every setting that contains it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def in_folder(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the settings of a run as if it were in this folder."""
    moved: dict[str, Any] = with_folder(settings, settings["run_dir"], str(folder))
    return moved


def with_folder(value: Any, old: str, new: str) -> Any:
    """Return ``value`` with the folder ``old``, in every path that starts with it, replaced by ``new``."""
    if isinstance(value, Mapping):
        return {str(name): with_folder(part, old, new) for name, part in value.items()}
    if isinstance(value, list):
        return [with_folder(part, old, new) for part in value]
    if isinstance(value, str) and (value == old or value.startswith(f"{old}/")):
        return new + value.removeprefix(old)
    return value
