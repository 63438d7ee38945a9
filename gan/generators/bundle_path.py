"""The path of a bundle. This module does not import torch: a wrong path is reported at once."""

from pathlib import Path

from gan.runs import file_names
from gan.runs.run_end import ended
from gan.system.errors import BundleError

FILE_NAME = file_names.GENERATOR


def find(path: Path) -> Path:
    """The file of a bundle: the path itself, or the file in a run folder.

    Raises:
        BundleError: it does not exist.
    """
    check_exists(path)
    if path.is_dir():
        if not (path / FILE_NAME).exists():
            if ended(path):
                raise BundleError(
                    f"{path}: its run saved no generator, because it had no callbacks.bundle (callbacks=none); "
                    "callbacks=default expected"
                )
            raise BundleError(
                f"{path}: this folder has no {FILE_NAME}; it is not a run folder, or its run has not started"
            )
        return path / FILE_NAME
    return path


def quality_path(source: Path, *, rejection: bool = False) -> Path:
    """The file for the metrics of a run folder or bundle; ``rejection``: of a run's, with rejection sampling."""
    bundle = source / FILE_NAME if source.is_dir() else source
    if rejection:
        return bundle.with_name(file_names.QUALITY_WITH_REJECTION)
    return bundle.with_name(file_names.QUALITY if bundle.name == FILE_NAME else f"{bundle.stem}.quality.json")


def check_exists(path: Path) -> None:
    """Raise BundleError if there is no such file or folder, or it cannot be read."""
    try:
        exists = path.exists()
        if path.is_dir():
            (path / FILE_NAME).exists()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise BundleError(f"{path}: cannot be read: {reason}") from error
    if not exists:
        raise BundleError(f"{path}: there is no such file or folder; give a run folder or a file {FILE_NAME}")
