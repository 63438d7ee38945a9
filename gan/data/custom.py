"""Images from the user's own function or dataset class (``data._target_=mypkg.make_images``), read once."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan.data.conversion import Form, as_labels, from_array, from_items
from gan.data.held_out import Source, assembled
from gan.data.loaded import LoadedImages
from gan.system.errors import DataError, in_one_line, unknown_keys
from gan.system.random_streams import stream_seed

KEYS = ("images", "labels", "class_names", "held_out_images", "held_out_labels")


def load_custom(
    name: str,
    source: Callable[[], Any],
    *,
    seed: int = 0,
    image_size: int | None = None,
    image_channels: int | None = None,
    fit: str | None = None,
    held_out: float | str | None = None,
) -> LoadedImages:
    """Call ``source`` and read all images that it returns.

    It may return a `torch.utils.data.Dataset` whose items are an image or (image, label), an array or a list of images,
    a pair of images and labels, or a dict with ``images`` and possibly ``labels``, ``class_names``, ``held_out_images``
    and ``held_out_labels``. The global random generators are seeded first, so that every process gets the same images.

    Args:
        name: dotted name of the source, for messages and as the name of the dataset.
        image_size, image_channels, fit, held_out: see `gan.ImageData`.

    Raises:
        DataError: the source raises an error, or returns something else.
    """
    what, form = f"data._target_={name}", Form(image_size, image_channels, fit)
    with _seeded(stream_seed(seed, 0, "images of a function", 0)):
        try:
            made = source()
        except DataError:
            raise
        except Exception as error:
            raise DataError(f"{what}: {in_one_line(error)}") from error
        found = read_source(made, what, form)
    return assembled(found, name, name, what, held_out, form)


def read_source(made: Any, what: str, form: Form) -> Source:
    """The images, labels and class names in the value that ``source`` has returned."""
    if isinstance(made, Mapping):
        if problems := list(unknown_keys(what, made, KEYS)):
            raise DataError(
                problems[0].replace("no such setting", "no such key of the dict").replace("settings:", "keys:")
            )
        if made.get("images") is None:
            raise DataError(f"{what}: a dict without 'images' returned")
        images, labels = _images(made["images"], made.get("labels"), what, form)
        test = None
        if made.get("held_out_images") is not None:
            where = f"{what}: held_out_images"
            test = _images(made["held_out_images"], made.get("held_out_labels"), where, form)
            if labels is not None and test[1] is None:
                raise DataError(f"{what}: labels, and no held_out_labels for the held_out_images")
        return Source(images, labels, _names(made.get("class_names"), made["images"]), test)
    if isinstance(made, tuple) and len(made) == 2:
        images, labels = _images(*made, what, form)
        return Source(images, labels)
    images, labels = _images(made, None, what, form)
    return Source(images, labels, _names(None, made) if labels is not None else None)


def _images(made: Any, labels: Any, what: str, form: Form) -> tuple[Tensor, Tensor | None]:
    if isinstance(made, Tensor | np.ndarray) and made.ndim > 2:
        images = from_array(made, what, form)
    elif hasattr(made, "__getitem__") or hasattr(made, "__iter__"):
        if isinstance(made, str | bytes | Mapping):
            raise DataError(_neither(made, what))
        images, found = from_items(made, what, form)
        labels = found if labels is None else labels
    else:
        raise DataError(_neither(made, what))
    return images, as_labels(labels, len(images), what)


def _neither(made: Any, what: str) -> str:
    return (
        f"{what}: {type(made).__name__} returned; a Dataset, an array of images, a pair of images and labels, or a "
        "dict with 'images' expected"
    )


def _names(given: Any, made: Any) -> list[str] | None:
    """Names of the classes: the given ones, or the attribute ``classes`` of a dataset, as in torchvision."""
    names = getattr(made, "classes", None) if given is None else given
    return [str(name) for name in names] if isinstance(names, list | tuple) else None


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global random generators of Python, NumPy and torch inside the block; restore them after it."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
