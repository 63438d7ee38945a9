"""The list of pictures in a folder, and the check of its layout."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gan.data.picture_files import SUFFIXES, can_read, how_to_read
from gan.system.errors import DataError, counted

logger = logging.getLogger(__name__)

DEEPEST = 3  # levels of folders that are searched


@dataclass
class Listing:
    """The contents of a folder; paths are relative to it. Names that begin with a dot are ignored.

    Attributes:
        files: pictures, by their suffix, sorted by name.
        unreadable: pictures that the installed Pillow cannot read, by suffix.
        others: other files.
        loops: links to a folder that contains them.
        deeper: folders that are not searched.
    """

    files: list[Path] = field(default_factory=list)
    unreadable: dict[str, list[Path]] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)
    loops: list[Path] = field(default_factory=list)
    deeper: list[Path] = field(default_factory=list)

    def left_out(self) -> list[str]:
        """A phrase for each kind of ignored entries: their number and the first names."""
        phrases = [
            f"{counted(len(paths), f'{suffix} file')} ({some(paths)}; {how_to_read(suffix)})"
            for suffix, paths in sorted(self.unreadable.items())
        ]
        kinds = (
            (self.others, "other file"),
            (self.loops, "looping link"),
            (self.deeper, f"folder below the layer {DEEPEST}"),
        )
        return phrases + [f"{counted(len(paths), thing)} ({some(paths)})" for paths, thing in kinds if paths]


def list_pictures(folder: Path) -> list[Path]:
    """All pictures, relative to the folder and sorted by name: all in the folder itself, or all in its sub-folders.

    Links to files and folders are followed. Ignored entries are logged, except names that begin with a dot.

    Raises:
        DataError: the folder cannot be read, has no pictures, or has another layout.
    """
    listing = Listing()
    for file in _walk(folder, Path(), DEEPEST, listing, ()):
        suffix = file.suffix.lower()
        if suffix not in SUFFIXES:
            listing.others.append(file)
        elif can_read(suffix):
            listing.files.append(file)
        else:
            listing.unreadable.setdefault(suffix, []).append(file)
    listing.files.sort(key=lambda file: file.parts)
    _check_layout(folder, listing)
    if left_out := listing.left_out():
        level = logging.WARNING if listing.unreadable or listing.loops or listing.deeper else logging.INFO
        logger.log(level, "data.folder=%s: left out: %s", shown(folder), "; ".join(left_out))
    return listing.files


def some(things: Sequence[Any], most: int = 3) -> str:
    """The first things, with an ellipsis if there are more."""
    return ", ".join(map(shown, things[:most])) + (", …" if len(things) > most else "")


def shown(thing: Any) -> str:
    """Printable text: the name of a file may be invalid Unicode."""
    return str(thing).encode(errors="backslashreplace").decode()


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """A sort key for natural order: "2" before "10", "img9" before "img10"."""
    parts = re.split(r"(\d+)", name, flags=re.ASCII)
    # text and numbers alternate, so that equal types are compared
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)], name


def _walk(
    folder: Path, below: Path, depth: int, listing: Listing, around: tuple[tuple[int, int], ...]
) -> Iterator[Path]:
    """All files, relative to the folder. Raises DataError for a folder that cannot be read."""
    try:
        here = os.stat(folder / below)
        if (identity := (here.st_dev, here.st_ino)) in around:
            listing.loops.append(below)
            return
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
        if not _is_folder(entry):
            yield below / entry.name
        elif depth > 1:
            yield from _walk(folder, below / entry.name, depth - 1, listing, (*around, identity))
        else:
            listing.deeper.append(below / entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; reading it as a picture gives the error
        return False


def _check_layout(folder: Path, listing: Listing) -> None:
    what, files = f"data.folder={shown(folder)}", listing.files
    direct = [file for file in files if len(file.parts) == 1]
    in_classes = [file for file in files if len(file.parts) == 2]
    deeper = [file for file in files if len(file.parts) > 2]
    if not files:
        found = "; ".join(listing.left_out())
        raise DataError(
            f"{what}: no pictures in it or in its sub-folders, {f'it contains {found}' if found else 'it is empty'}; "
            f"pictures end in {', '.join(SUFFIXES)}"
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
    classes = sorted({file.parts[0] for file in in_classes})
    if len(classes) == 1:
        raise DataError(
            f"{what}: all {counted(len(files), 'picture')} are in one sub-folder, '{shown(classes[0])}', but "
            f"classes must be two or more; to train without classes: data.folder={folder / classes[0]}"
        )
    if unprintable := [name for name in classes if not name.isprintable()]:
        raise DataError(
            f"{what}: the names of class folders contain characters that cannot be printed: "
            f"{some([ascii(name) for name in unprintable])}; rename the folders"
        )
