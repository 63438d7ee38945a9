"""Datasets from a folder of pictures, with or without class folders, with or without a test split."""

from pathlib import Path
from typing import Any

import torch

from gan.data.folder_listing import shown, some
from gan.data.folder_pictures import FolderImages, compacted, read_folder
from gan.data.held_out import chosen, held_out_folder, split_folders, with_classes
from gan.data.loaded import LoadedImages
from gan.data.registry import FOLDER
from gan.system.errors import counted


def load_folder(
    folder: str,
    image_size: int | None = None,
    image_channels: int | None = None,
    *,
    fit: str | None = None,
    held_out: float | str | None = None,
    on_broken: str = "error",
    class_order: str = "natural",
) -> LoadedImages:
    """Read a folder of pictures: PATH/….png, PATH/CLASS/….png, or one of these in PATH/train and in PATH/test.

    Without a folder ``test`` (or ``validation``) every tenth picture by name is held out, but never the first of a
    class. Pictures are rotated by their EXIF data. Of an animation the first frame is used, and transparent parts
    become white. Pictures with more than 8 bits per channel are scaled to 8 bits with a common range
    (`gan.data.picture_files.common_span`).

    Args:
        folder: the path; ``~`` is the home folder.
        image_size: size of the resized pictures (`gan.data.resizing.resized`); None if all pictures have the same size,
            from 16 to 128.
        image_channels: 1 or 3; None for 1 if all pictures are grey, else 3.
        fit: for pictures that are not square: "crop" takes the largest central square, "pad" adds black bars at the
            sides; None if there are no such pictures.
        held_out: share of the held-out pictures, or their folder.
        on_broken: "error" for pictures that cannot be read, or "skip" to leave them out and log their names.
        class_order: "natural", where class 2 comes before class 10, or "name", sorted as text.

    Raises:
        DataError: the folder cannot be read, has no pictures, or has another layout; pictures are broken, not square,
            of different sizes, or too many for the memory. The message has their number and the first names.
    """
    path = Path(folder).expanduser().resolve()
    splits = split_folders(path)
    reading: dict[str, Any] = {"fit": fit, "on_broken": on_broken, "class_order": class_order}
    read = read_folder(splits[0] if splits else path, image_size, image_channels, **reading)
    images, labels, class_names = read.images, read.labels, read.class_names
    shape = tuple(images.shape[1:])
    if isinstance(held_out, str):
        held_images, held_labels = held_out_folder(held_out, shape, fit, class_names, on_broken, read.pictures.spans)
        how = f"the folder {held_out}"
    elif splits and held_out is None:
        test = read_folder(splits[1], shape[1], shape[0], **reading, spans=read.pictures.spans)
        held_images = test.images
        held_labels = with_classes(test.labels, test.class_names, class_names, f"data.folder={shown(path)}")
        how = f"the folder {splits[1].name}"
    else:
        out = torch.tensor(chosen(labels.tolist(), held_out))
        held_images, held_labels = images[out], labels[out]
        images, labels = compacted(images, (~out).nonzero()[:, 0].tolist()), labels[~out]
        how = "every tenth by name" if held_out is None else f"a fraction of {held_out:g}"
    origin = _origin(
        read, path, f"{counted(len(images), 'picture')} to train on and {len(held_images):,} held out", how
    )
    return LoadedImages(images, labels, held_images, held_labels, FOLDER, class_names, origin)


def _origin(read: FolderImages, path: Path, counts: str, how: str) -> str:
    pictures, form = read.pictures, read.form
    classes = f"{len(read.class_names)} classes ({some(read.class_names)})" if read.class_names else "no classes"
    headers = [header for file, header in pictures.headers.items() if file not in pictures.faults]
    parts = [
        f"the folder {shown(path)}: {counts} ({how}), {form.size} x {form.size} "
        f"{'grey' if form.channels == 1 else 'in colour'}, {classes}"
    ]
    if oblong := sum(header.width != header.height for header in headers):
        parts.append(f"{oblong:,} made square ({form.fit})")
    for deep, (least, most) in sorted(pictures.spans.items()):
        count = sum(header.deep == deep for header in headers)
        kind = "floats" if deep == "float" else "16-bit or 32-bit numbers"
        parts.append(f"{count:,} of {kind}, of which {least:g} became 0 and {most:g} became 255")
    if pictures.faults:
        parts.append(f"{len(pictures.faults):,} broken left out")
    return "; ".join(parts)
