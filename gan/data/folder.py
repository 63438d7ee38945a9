"""A folder of the user's own pictures, with class folders or without, as one tensor; what is wrong with it, by name."""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gan.data.folder_listing import counted, list_pictures, some
from gan.data.loaded import LoadedImages
from gan.data.memory import check_memory
from gan.data.picture_files import Header, PictureFault, read_header, read_pixels
from gan.data.registry import FOLDER, IMAGE_SIZES
from gan.system.errors import DataError

logger = logging.getLogger(__name__)

HELD_OUT_EVERY = 10
SHOWN_FAULTS = 5


def load_folder(folder: str, image_size: int | None = None, image_channels: int | None = None) -> LoadedImages:
    """Read a folder of pictures: PATH/….png, or PATH/CLASS/….png, the classes in the order of their names.

    Every tenth picture by name is held out, but never the first one of a class. Pictures are upright as their EXIF data
    say, of an animation the first frame, with what is transparent on white.

    Args:
        folder: the path; ``~`` is the home folder.
        image_size: pictures are made this size, as `gan.data.resizing.resized` does it; None: they must all have one
            size, from 16 to 128.
        image_channels: 1 or 3; None: 1 if all pictures are grey, else 3.

    Raises:
        DataError: if the folder cannot be read, holds no pictures, or is laid out in another way; if pictures are
            broken, not square, of different sizes, or too many for the memory. It says how many they are, and names the
            first of them.
    """
    path = Path(folder).expanduser().resolve()
    files = list_pictures(path)
    class_names, labels = _classes(files)
    logger.info("reading %s pictures from %s", f"{len(files):,}", path)

    faults: dict[Path, str] = {}
    shape = _common_shape(path, files, image_size, image_channels, faults)
    held_out = _held_out(labels)
    halves = ([file for file, out in zip(files, held_out, strict=True) if out == half] for half in (False, True))
    images, held_out_images = (_read_all(path, half, shape, faults) for half in halves)
    if faults:
        raise _broken(path, files, faults)
    label, out = torch.tensor(labels, dtype=torch.int64), torch.tensor(held_out)
    origin = _origin(path, len(images), len(held_out_images), class_names, shape)
    return LoadedImages(images, label[~out], held_out_images, label[out], FOLDER, class_names, origin)


def _classes(files: Sequence[Path]) -> tuple[tuple[str, ...], list[int]]:
    """The names of the class folders, and the number of each file's; no names and 0 where there are no such folders."""
    names = tuple(sorted({file.parts[0] for file in files if len(file.parts) > 1}))
    numbers = {name: number for number, name in enumerate(names)}
    return names, [numbers.get(file.parts[0], 0) for file in files]


def _common_shape(
    path: Path, files: Sequence[Path], image_size: int | None, image_channels: int | None, faults: dict[Path, str]
) -> tuple[int, int]:
    """Channels and size of all images, as asked for or by the files' headers; broken files are noted.

    Raises:
        DataError: there is no such shape, or the memory is too small for so many images of it.
    """
    headers = _read_headers(path, files, faults)
    if not headers:
        raise _broken(path, files, faults)
    size = _common_size(path, headers, image_size)
    channels = image_channels or max(header.channels for header in headers.values())
    check_memory(f"data.folder={path}", len(files), (channels, size, size), "a smaller data.image_size takes less")
    return channels, size


def _read_headers(path: Path, files: Sequence[Path], faults: dict[Path, str]) -> dict[Path, Header]:
    headers = {}
    for file in files:
        try:
            headers[file] = read_header(path / file)
        except PictureFault as fault:
            faults[file] = str(fault)
    return headers


def _common_size(path: Path, headers: dict[Path, Header], image_size: int | None) -> int:
    """Height and width of all images; a DataError if there is no such."""
    oblong = {file: header for file, header in headers.items() if header.width != header.height}
    if oblong:
        shown = some([f"{file} ({header.width} x {header.height})" for file, header in oblong.items()])
        raise DataError(
            f"data.folder={path}: {len(oblong):,} of {counted(len(headers), 'picture')} not square: {shown}; "
            "crop them to squares first"
        )
    if image_size is not None:
        return image_size
    by_size: dict[int, list[Path]] = {}
    for file, header in headers.items():
        by_size.setdefault(header.width, []).append(file)
    most_common = max(by_size, key=lambda size: len(by_size[size]))
    least, most = IMAGE_SIZES
    suggested = min(max(most_common, least), most)
    if len(by_size) > 1:
        shown = "; ".join(
            f"{len(by_size[size]):,} of {size} x {size} ({some(by_size[size])})" for size in sorted(by_size)
        )
        raise DataError(
            f"data.folder={path}: pictures of {len(by_size)} sizes: {shown}; "
            f"give data.image_size, such as data.image_size={suggested}, to make them all alike"
        )
    if not least <= most_common <= most:
        raise DataError(
            f"data.folder={path}: pictures of {most_common} x {most_common} pixels ({some(list(headers))}), "
            f"from {least} to {most} can be used; give data.image_size={suggested}"
        )
    return most_common


def _held_out(labels: Sequence[int]) -> list[bool]:
    """Every tenth, but never the first of a class, which would otherwise have nothing to train on."""
    return [
        index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 and label == labels[index - 1]
        for index, label in enumerate(labels)
    ]


def _read_all(path: Path, files: Sequence[Path], shape: tuple[int, int], faults: dict[Path, str]) -> Tensor:
    """uint8 (N, C, size, size) of these files, for shape (C, size). Broken ones are left undefined, and noted."""
    channels, size = shape
    images = torch.empty(len(files), channels, size, size, dtype=torch.uint8)
    for index, file in enumerate(files):
        if file in faults:
            continue
        try:
            images[index] = torch.from_numpy(read_pixels(path / file, channels, size, size))
        except PictureFault as fault:
            faults[file] = str(fault)
    return images


def _broken(path: Path, files: Sequence[Path], faults: dict[Path, str]) -> DataError:
    lines = [f"  {file}: {faults[file]}" for file in sorted(faults)[:SHOWN_FAULTS]]
    more = [f"  … and {len(faults) - SHOWN_FAULTS:,} more"] if len(faults) > SHOWN_FAULTS else []
    return DataError(
        "\n".join(
            [
                f"data.folder={path}: {len(faults):,} of {counted(len(files), 'picture')} cannot be read; "
                "mend them or take them out:",
                *lines,
                *more,
            ]
        )
    )


def _origin(path: Path, train: int, held_out: int, class_names: Sequence[str], shape: tuple[int, int]) -> str:
    channels, size = shape
    classes = f"{len(class_names)} classes ({some(class_names)})" if class_names else "no classes"
    return (
        f"the folder {path}: {counted(train, 'picture')} to train on and {held_out:,} held out (every tenth by name), "
        f"{size} x {size} {'grey' if channels == 1 else 'in colour'}, {classes}"
    )
