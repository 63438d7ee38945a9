"""The folder of a run: taken by one run alone, with room on its disk, and not left behind by a run that never began."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gan.errors import ConfigError
from gan.files import write_bytes

ROOM = 50_000_000  # bytes on the disk: a few checkpoints, and the pictures, of the largest network that we ship
_taken: list[Path] = []


class TakenError(ConfigError):
    """The folder belongs to another run."""


def taken() -> Path | None:
    """The folder that the run of this process has taken; None as long as it has none."""
    return _taken[-1] if _taken else None


def take(settings: Mapping[str, Any]) -> None:
    """Take ``settings["run_dir"]`` for this run, by leaving the settings there as config.yaml.

    Of several runs that want one folder at the same time one gets it.

    Raises:
        TakenError: another run has it.
        ConfigError: it cannot be written, or its disk is full.
    """
    folder = Path(settings["run_dir"])
    content = yaml.safe_dump(dict(settings), sort_keys=False).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(folder / "config.yaml", content)
        free = shutil.disk_usage(folder).free
    except FileExistsError:
        raise TakenError(
            f"hydra.run.dir: {folder} holds a run already, which stays as it is; "
            "give another folder, or leave hydra.run.dir out for a new one"
        ) from None
    except OSError as error:
        raise ConfigError(f"hydra.run.dir: {folder} cannot be written: {error.strerror}") from error
    _taken.append(folder)
    if free < ROOM:
        raise ConfigError(
            f"hydra.run.dir: {folder} given, whose disk has {free / 1e6:,.0f} MB left; {ROOM / 1e6:,.0f} MB expected"
        )


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist, whole or not at all."""
    own = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    write_bytes(own, content)
    try:
        os.link(own, path)  # unlike a rename it fails where there is a file
    except FileExistsError:
        raise
    except OSError:  # no hard links on this disk
        with path.open("xb") as file:
            file.write(content)
    finally:
        own.unlink()


@contextlib.contextmanager
def clean_start(folder: Path) -> Iterator[None]:
    """If what is inside fails, remove what was made for a run that never began: its config.yaml, and empty folders.

    Args:
        folder: the run folder as Hydra has made it; the run may have taken another one.
    """
    _taken.clear()
    try:
        yield
    except BaseException:
        for own in _taken:
            (own / "config.yaml").unlink(missing_ok=True)
        for made in {folder, *_taken}:
            for path in (made, *made.parents[:2]):
                try:
                    path.rmdir()
                except OSError:
                    break
        _taken.clear()
        raise
