"""Held-out images: a test split, a fraction of the images, or a folder of pictures; and the classes of all images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from gan.data.conversion import Form
from gan.data.folder_pictures import SKIP, read_folder
from gan.data.loaded import LoadedImages
from gan.data.picture_files import Span
from gan.data.registry import POINT_SHAPE
from gan.system.errors import DataError, counted

HELD_OUT_EVERY = 10
TRAIN_FOLDER = "train"
TEST_FOLDERS = ("test", "validation", "valid", "val")
SHOWN_CLASSES = 3


@dataclass
class Source:
    """Images as they were read, before some are held out.

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,), any integers; None without classes.
        class_names: names of the labels 0, 1, …; None if the labels are their own names.
        test: images and labels of a test split, or None.
    """

    images: Tensor
    labels: Tensor | None
    class_names: Sequence[str] | None = None
    test: tuple[Tensor, Tensor | None] | None = None


def assembled(
    source: Source, name: str, title: str, what: str, held_out: float | str | None, form: Form
) -> LoadedImages:
    """The dataset with its held-out images.

    Args:
        title: beginning of the sentence that describes the images.
        what: beginning of messages: the setting and its value.
        held_out: a fraction, a folder of pictures, or None for the test split, or for every tenth image.

    Raises:
        DataError: labels do not fit the names of the classes, or the folder cannot be used.
    """
    images, test = source.images, source.test if held_out is None else None
    test_labels = None if test is None else test[1]
    labels, class_names, test_labels = _classes(source, len(images), test_labels, what)
    if test is not None:
        held_images, how = test[0], "the test split"
        held_labels = torch.zeros(len(held_images), dtype=torch.int64) if test_labels is None else test_labels
    elif isinstance(held_out, str):
        held_images, held_labels = held_out_folder(held_out, tuple(images.shape[1:]), form.fit, class_names)
        how = f"the folder {held_out}"
    else:
        out = evenly_chosen(labels, held_out)
        held_images, held_labels = images[out], labels[out]
        images, labels = images[~out], labels[~out]
        how = ("every tenth" if held_out is None else f"a fraction of {held_out:g}") + " of each class" * bool(
            class_names
        )
    if images.shape[1:] != held_images.shape[1:]:
        one, other = (" x ".join(map(str, each.shape[1:])) for each in (images, held_images))
        raise DataError(f"{what}: the training images are {one} and the held-out images {other}; one shape expected")
    return LoadedImages(
        images, labels, held_images, held_labels, name, class_names,
        f"{title}: {counted(len(images), _thing(images))} to train on and {len(held_images):,} held out ({how}), "
        f"{described(images)}, {named(class_names)}",
    )  # fmt: skip


def _thing(images: Tensor) -> str:
    return "point" if tuple(images.shape[1:]) == POINT_SHAPE else "image"


def described(images: Tensor) -> str:
    """Description of the size and the colour."""
    if _thing(images) == "point":
        return "of the plane"
    return f"{images.shape[2]} x {images.shape[3]} {'grey' if images.shape[1] == 1 else 'in colour'}"


def named(class_names: Sequence[str]) -> str:
    """Description of the classes: their number and first names."""
    if not class_names:
        return "no classes"
    more = ", …" if len(class_names) > SHOWN_CLASSES else ""
    return f"{len(class_names):,} classes ({', '.join(class_names[:SHOWN_CLASSES])}{more})"


def chosen(labels: Sequence[int], share: float | None = None) -> list[bool]:
    """Which images are held out: evenly spaced, every tenth without ``share``, but never the first of a class."""
    seen: set[int] = set()
    found: list[bool] = []
    count = 0
    for index, label in enumerate(labels):
        is_tenth = index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
        is_due = is_tenth if share is None else int(round((index + 1) * share, 9)) > count  # 100 * 0.29 is below 29
        found.append(is_due and label in seen)
        count += found[-1]
        seen.add(label)
    return found


def evenly_chosen(labels: Tensor, share: float | None = None) -> Tensor:
    """`chosen` for each class separately, as bool (N,), for images in any order of classes.

    With labels 0, 1, … 9, 0, 1, … every tenth image is of class 9, so `chosen` for all images together
    would take only that class.
    """
    order = torch.argsort(labels, stable=True)
    out = torch.empty(len(labels), dtype=torch.bool)
    out[order] = torch.tensor(chosen(labels[order].tolist(), share), dtype=torch.bool)
    return out


def _classes(
    source: Source, count: int, test_labels: Tensor | None, what: str
) -> tuple[Tensor, tuple[str, ...], Tensor | None]:
    """Labels in 0 … classes - 1, names of the classes, and the labels of the test split."""
    if source.labels is None:
        return torch.zeros(count, dtype=torch.int64), (), None
    every = source.labels if test_labels is None else torch.cat([source.labels, test_labels])
    if source.class_names is not None:
        names = tuple(map(str, source.class_names))
        if len(every) and not (int(every.min()) >= 0 and int(every.max()) < len(names)):
            raise DataError(
                f"{what}: labels from {int(every.min())} to {int(every.max())}, and {len(names)} names of classes; "
                f"labels from 0 to {len(names) - 1} expected"
            )
        if len(names) < 2:
            return torch.zeros(count, dtype=torch.int64), (), None
        return source.labels, names, test_labels
    values = source.labels.unique()
    if (unknown := every[~torch.isin(every, values)]).numel():
        raise DataError(f"{what}: class {int(unknown[0])} has held-out images, but no training images")
    if len(values) < 2:
        return torch.zeros(count, dtype=torch.int64), (), None
    labels = torch.searchsorted(values, source.labels)
    test = None if test_labels is None else torch.searchsorted(values, test_labels)
    return labels, tuple(str(value) for value in values.tolist()), test


def split_folders(path: Path) -> tuple[Path, Path] | None:
    """The folders of the training and of the held-out pictures, as in Hugging Face's ``imagefolder``; None without."""
    try:
        folders = {entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
    except OSError:
        return None
    tests = [name for name in TEST_FOLDERS if name in folders]
    if TRAIN_FOLDER not in folders or not tests or folders - {TRAIN_FOLDER, *TEST_FOLDERS}:
        return None
    return path / TRAIN_FOLDER, path / tests[0]


def held_out_folder(
    folder: str,
    image_shape: tuple[int, ...],
    fit: str | None,
    class_names: Sequence[str],
    on_broken: str | None = None,
    spans: Mapping[str, Span] = MappingProxyType({}),
) -> tuple[Tensor, Tensor]:
    """Held-out pictures of ``data.held_out=FOLDER``, in the shape of the training images, with the same classes.

    Args:
        on_broken, spans: as for the training pictures; None and {} if those are not from a folder.

    Raises:
        DataError: the folder cannot be used.
    """
    if tuple(image_shape) == POINT_SHAPE:
        raise DataError(f"data.held_out={folder}: the training data are 2-D points; a fraction expected")
    path, shape = Path(folder).expanduser().resolve(), (image_shape[1], image_shape[0])
    try:
        read = read_folder(path, *shape, fit=fit, on_broken=on_broken or "error", spans=spans)
    except DataError as error:
        if on_broken is None:  # the dataset has no such setting
            error = DataError(str(error).replace(SKIP, ""))
        raise DataError(str(error).replace("data.folder=", "data.held_out=")) from None
    return read.images, with_classes(read.labels, read.class_names, class_names, f"data.held_out={folder}")


def with_classes(labels: Tensor, names: Sequence[str], class_names: Sequence[str], what: str) -> Tensor:
    """Labels of held-out pictures by the classes of the training images; all 0 if those have none."""
    if not class_names:
        return torch.zeros_like(labels)
    unknown = [name for name in names if name not in class_names]
    if unknown or not names:
        found = f"class folders {', '.join(unknown)}" if unknown else "no class folders"
        raise DataError(f"{what}: {found}; the classes of the training images are {named(class_names)}")
    places = torch.tensor([list(class_names).index(name) for name in names])
    return places[labels]
