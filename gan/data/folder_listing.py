"""Which pictures lie in a folder, and whether they lie there as they should."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gan.system.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
DEEPEST = 3  # folders below this are not looked into


def list_pictures(folder: Path) -> list[Path]:
    """All pictures, relative to the folder, in the order of their names; all of them directly in it, or all in its
    sub-folders. Told by their suffix; what begins with a dot, and any other file, is left out.

    Raises:
        DataError: if the folder cannot be read, or holds no pictures, or holds them in another way.
    """
    files, others = [], 0
    for file in _walk(folder, Path(), DEEPEST):
        if file.suffix.lower() in SUFFIXES:
            files.append(file)
        else:
            others += 1
    files.sort(key=lambda file: file.parts)
    _check_layout(folder, files, others)
    return files


def some(things: Sequence[Any], shown: int = 3) -> str:
    """The first ones, and a word on the rest."""
    return ", ".join(map(str, things[:shown])) + (", …" if len(things) > shown else "")


def counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _walk(folder: Path, below: Path, depth: int) -> Iterator[Path]:
    """All files, relative to the folder; a DataError for a folder that cannot be read."""
    try:
        with os.scandir(folder / below) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        raise DataError(f"data.folder={folder}: there is no such folder") from None
    except NotADirectoryError:
        raise DataError(f"data.folder={folder}: is a file; a folder of pictures is expected") from None
    except OSError as error:
        raise DataError(f"data.folder={folder}: {folder / below} cannot be read ({error.strerror or error})") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield below / entry.name
        elif depth > 1:
            yield from _walk(folder, below / entry.name, depth - 1)


def _check_layout(folder: Path, files: Sequence[Path], others: int) -> None:
    what = f"data.folder={folder}"
    direct = [file for file in files if len(file.parts) == 1]
    in_classes = [file for file in files if len(file.parts) == 2]
    deeper = [file for file in files if len(file.parts) > 2]
    if not files:
        found = f"it holds {counted(others, 'other file')}" if others else "it is empty"
        raise DataError(
            f"{what}: no pictures in it or in its sub-folders, {found}; pictures end in {', '.join(SUFFIXES)}"
        )
    if deeper:
        hint = "" if direct or in_classes else f", as in data.folder={folder / deeper[0].parts[0]}"
        raise DataError(
            f"{what}: {counted(len(deeper), 'picture')} too deep in it ({some(deeper)}); pictures lie in the folder "
            f"itself or in one layer of sub-folders, its classes{hint}"
        )
    if direct and in_classes:
        raise DataError(
            f"{what}: {counted(len(direct), 'picture')} in the folder itself ({some(direct)}) and {len(in_classes):,} "
            f"in sub-folders ({some(in_classes)}); all in sub-folders, its classes, or none"
        )
    classes = {file.parts[0] for file in in_classes}
    if len(classes) == 1:
        (only,) = classes
        raise DataError(
            f"{what}: all {counted(len(files), 'picture')} in one sub-folder, '{only}', and classes are two or more; "
            f"data.folder={folder / only} takes them without classes"
        )
