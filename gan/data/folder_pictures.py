"""Reading of all pictures of one folder: headers, common format, pixels, faults."""

import logging
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, get_args

import torch
from torch import Tensor

from gan.data.folder_listing import list_pictures, natural, shown, some
from gan.data.memory import check_memory
from gan.data.picture_files import Header, PictureFault, Span, common_span, read_header, read_pixels, read_span
from gan.data.registry import IMAGE_SIZES, Fit
from gan.system.errors import DataError, counted

SKIP = ", or skip them with data.on_broken=skip"  # part of a message
logger = logging.getLogger(__name__)

SHOWN_FAULTS = 5


@dataclass
class _Pictures:
    """The pictures of a folder; paths are relative to it.

    Attributes:
        files: paths of all pictures.
        headers: headers of readable pictures.
        spans: value ranges of pictures with more than 8 bits.
        faults: errors of broken pictures.
    """

    path: Path
    files: Sequence[Path]
    headers: dict[Path, Header] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    faults: dict[Path, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """The beginning of messages: the setting and its value."""
        return f"data.folder={shown(self.path)}"


class _Form(NamedTuple):
    """The target format: channels, height and width, and how a picture is made square."""

    channels: int
    size: int
    fit: str | None


@dataclass
class FolderImages:
    """Pictures of one folder: images uint8 (N, C, H, W), labels int64 (N,), names of the class folders."""

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    pictures: _Pictures
    form: _Form


def read_folder(
    path: Path,
    image_size: int | None = None,
    image_channels: int | None = None,
    *,
    fit: str | None = None,
    on_broken: str = "error",
    class_order: str = "natural",
    spans: Mapping[str, Span] = MappingProxyType({}),
) -> FolderImages:
    """All pictures of a folder without splits. Arguments and errors: see `gan.data.folder.load_folder`.

    Args:
        spans: ranges of pictures with more than 8 bits, to be used instead of their own, as of the training pictures.
    """
    pictures = _Pictures(path, list_pictures(path))
    logger.info("reading %s from %s", counted(len(pictures.files), "picture"), shown(path))
    _read_headers(pictures)
    form = _common_form(pictures, image_size, image_channels, fit)
    _read_spans(pictures)
    pictures.spans |= spans
    images = _read_all(pictures, form)
    if pictures.faults:
        _skip_broken(pictures, on_broken)
    kept = [index for index, file in enumerate(pictures.files) if file not in pictures.faults]
    class_names, labels = _classes([pictures.files[index] for index in kept], class_order)
    return FolderImages(compacted(images, kept), torch.tensor(labels, dtype=torch.int64), class_names, pictures, form)


def _classes(files: Sequence[Path], order: str) -> tuple[tuple[str, ...], list[int]]:
    """The names of the class folders, and the class number of each file; no names and 0 without class folders."""
    found = {file.parts[0] for file in files if len(file.parts) > 1}
    names = tuple(sorted(found, key=natural) if order == "natural" else sorted(found))
    numbers = {name: number for number, name in enumerate(names)}
    return names, [numbers.get(file.parts[0], 0) for file in files]


def _read_headers(pictures: _Pictures) -> None:
    for file in pictures.files:
        try:
            pictures.headers[file] = read_header(pictures.path / file)
        except PictureFault as fault:
            pictures.faults[file] = str(fault)
    if not pictures.headers:
        raise _broken(pictures)


def _read_spans(pictures: _Pictures) -> None:
    """Find the value ranges of pictures with more than 8 bits, with one pass over them."""
    found: dict[str, list[Span]] = {}
    for file, header in pictures.headers.items():
        if header.deep:
            try:
                found.setdefault(header.deep, []).append(read_span(pictures.path / file))
            except PictureFault as fault:
                pictures.faults[file] = str(fault)
    pictures.spans = {deep: common_span(deep, spans) for deep, spans in found.items() if spans}


def _common_form(pictures: _Pictures, image_size: int | None, image_channels: int | None, fit: str | None) -> _Form:
    """The target format, from the settings or the files' headers.

    Raises:
        DataError: there is no common format, or the images do not fit into memory.
    """
    headers = pictures.headers
    if fit is None:
        _check_square(pictures, image_size)
    size = image_size or _common_size(pictures, _sides(headers, fit))
    channels = image_channels or max(header.channels for header in headers.values())
    check_memory(pictures.what, len(pictures.files), (channels, size, size), "a smaller data.image_size needs less")
    return _Form(channels, size, fit)


def _sides(headers: Mapping[Path, Header], fit: str | None) -> dict[Path, int]:
    """The sides of the squares before resizing."""
    side = max if fit == "pad" else min
    return {file: side(header.width, header.height) for file, header in headers.items()}


def _check_square(pictures: _Pictures, image_size: int | None) -> None:
    headers = pictures.headers
    oblong = {file: header for file, header in headers.items() if header.width != header.height}
    if not oblong:
        return
    found = some([f"{shown(file)} ({header.width} x {header.height})" for file, header in oblong.items()])
    least, most = IMAGE_SIZES
    sizes = [sorted(_sides(headers, fit).values()) for fit in get_args(Fit)]
    is_enough = image_size is not None or all(least <= sides[0] == sides[-1] <= most for sides in sizes)
    also = "" if is_enough else f"; also give data.image_size={_suggested(sizes[0])}"
    raise DataError(
        f"{pictures.what}: {len(oblong):,} of {counted(len(headers), 'picture')} not square: {found}; "
        "give data.fit=crop, which crops to the square in the middle, or data.fit=pad, which adds black bars"
        f"{also}"
    )


def _suggested(sides: Sequence[int]) -> int:
    """The largest size up to the most common one for which every network can be built: 16, 20, 24, 28, 32, 40, …"""
    least, most = IMAGE_SIZES
    wanted = min(max(statistics.mode(sides), least), most)
    return max(size for start in (4, 5, 6, 7) for power in range(2, 6) if least <= (size := start << power) <= wanted)


def _common_size(pictures: _Pictures, sides: Mapping[Path, int]) -> int:
    """The common side of all squares; a DataError if they differ or are out of range."""
    by_size: dict[int, list[Path]] = {}
    for file, side in sides.items():
        by_size.setdefault(side, []).append(file)
    least, most = IMAGE_SIZES
    suggested = _suggested(list(sides.values()))
    if len(by_size) > 1:
        found = "; ".join(
            f"{len(by_size[size]):,} of {size} x {size} ({some(by_size[size])})" for size in sorted(by_size)
        )
        raise DataError(
            f"{pictures.what}: pictures of {len(by_size)} sizes: {found}; "
            f"give data.image_size, such as data.image_size={suggested}, to resize all of them"
        )
    (size,) = by_size
    if not least <= size <= most:
        raise DataError(
            f"{pictures.what}: pictures of {size} x {size} pixels ({some(list(sides))}), "
            f"{least} to {most} expected; give data.image_size={suggested}"
        )
    return size


def _read_all(pictures: _Pictures, form: _Form) -> Tensor:
    """uint8 (N, C, size, size) of all files. Broken pictures are left undefined and added to the faults."""
    channels, size, fit = form
    images = torch.empty(len(pictures.files), channels, size, size, dtype=torch.uint8)
    for index, file in enumerate(pictures.files):
        if file in pictures.faults:
            continue
        span = pictures.spans.get(pictures.headers[file].deep)
        try:
            images[index] = torch.from_numpy(read_pixels(pictures.path / file, channels, size, size, fit, span))
        except PictureFault as fault:
            pictures.faults[file] = str(fault)
    return images


def compacted(images: Tensor, wanted: Sequence[int]) -> Tensor:
    """``images[wanted]`` without a copy, because ``images`` may need half of the memory; ``wanted`` is sorted."""
    for new, old in enumerate(wanted):
        if new != old:
            images[new] = images[old]
    return images[: len(wanted)]


def _skip_broken(pictures: _Pictures, on_broken: str) -> None:
    """Log the pictures that are left out.

    Raises:
        DataError: they may not be left out, or a class or the folder would be empty.
    """
    whole = [file for file in pictures.files if file not in pictures.faults]
    if on_broken == "error" or not whole:
        raise _broken(pictures)
    lost = sorted(
        {file.parts[0] for file in pictures.faults if len(file.parts) > 1} - {file.parts[0] for file in whole}
    )
    if lost:
        raise DataError(
            "\n".join(
                [
                    f"{pictures.what}: no picture of class {some(lost)} can be read; repair them or remove the folder:",
                    *_fault_lines({file: text for file, text in pictures.faults.items() if file.parts[0] in lost}),
                ]
            )
        )
    count = f"{len(pictures.faults):,} of {counted(len(pictures.files), 'picture')}"
    logger.warning(
        "%s", "\n".join([f"{pictures.what}: {count} cannot be read, and left out:", *_fault_lines(pictures.faults)])
    )


def _broken(pictures: _Pictures) -> DataError:
    faults, files = pictures.faults, pictures.files
    way_out = "; repair or remove them"
    if len(faults) < len(files):
        way_out += SKIP
    first = f"{pictures.what}: {len(faults):,} of {counted(len(files), 'picture')} cannot be read{way_out}:"
    return DataError("\n".join([first, *_fault_lines(faults)]))


def _fault_lines(faults: Mapping[Path, str]) -> list[str]:
    lines = [f"  {shown(file)}: {faults[file]}" for file in sorted(faults)[:SHOWN_FAULTS]]
    return lines + ([f"  … and {len(faults) - SHOWN_FAULTS:,} more"] if len(faults) > SHOWN_FAULTS else [])
