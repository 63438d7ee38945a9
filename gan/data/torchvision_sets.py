"""Any image classification dataset of torchvision by the name of its class, such as USPS or SVHN."""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gan.data.conversion import Form, as_labels, from_items
from gan.data.download import locked, socket_timeout
from gan.data.held_out import Source, assembled
from gan.data.loaded import LoadedImages
from gan.data.registry import TORCHVISION
from gan.system import shell
from gan.system.errors import DataError, unknown_name
from gan.system.value_types import parameters_of

logger = logging.getLogger(__name__)

# Classes without one image and one class for each item: detection, segmentation, pairs, flow, stereo, videos, captions.
OTHERS = (
    *("CREStereo", "CarlaStereo", "Cityscapes", "CocoCaptions", "CocoDetection", "DatasetFolder", "ETH3DStereo"),
    *("FakeData", "FallingThingsStereo", "Flickr30k", "Flickr8k", "FlyingChairs", "FlyingThings3D", "HD1K", "HMDB51"),
    *("ImageFolder", "InStereo2k", "Kinetics", "KittiFlow", "Kitti", "Kitti2012Stereo", "Kitti2015Stereo", "LFWPairs"),
    *("Middlebury2014Stereo", "MovingMNIST", "PhotoTour", "SBDataset", "SBU", "SceneFlowStereo", "Sintel"),
    *("SintelStereo", "UCF101", "VOCDetection", "VOCSegmentation", "VisionDataset", "WIDERFace"),
)
TRAIN_SPLITS = ("train", "trainval", "train-standard")
TEST_SPLITS = ("test", "val", "valid")


def names() -> list[str]:
    """The names of the datasets."""
    from torchvision import datasets

    return sorted(name for name in datasets.__all__ if name not in OTHERS and inspect.isclass(getattr(datasets, name)))


def load_torchvision(
    dataset: str,
    root: Path,
    *,
    split: str | None = None,
    download: bool = True,
    image_size: int | None = None,
    image_channels: int | None = None,
    fit: str | None = None,
    held_out: float | str | None = None,
) -> LoadedImages:
    """Read a dataset of torchvision; its test split is held out, or a tenth of each class if it has none.

    Args:
        dataset: name of the class in `torchvision.datasets`.
        root: folder of the files, as torchvision lays them out.
        split: training split; None for the usual one.
        download: whether missing files may be downloaded.

    Raises:
        DataError: the dataset or split does not exist or cannot be downloaded, or its items are not images with one
            label each.
    """
    form, what = Form(image_size, image_channels, fit), f"data.dataset={dataset}"
    train, test = opened(dataset, root, split=split, download=download, with_test=held_out is None)
    images, raw = from_items(train, what, form)
    labels = _classes(raw, len(images), what)
    classes = getattr(train, "classes", None)
    held = None
    if test is not None:
        held_images, held_raw = from_items(test, what, form)
        held_labels = None if labels is None else as_labels(held_raw, len(held_images), what)
        if labels is None or held_labels is not None:  # without labels, as of FER2013, they are of no use
            held = held_images, held_labels
    class_names = [str(name) for name in classes] if isinstance(classes, list | tuple) else None
    title = f"torchvision's {dataset} from {root}"
    return assembled(Source(images, labels, class_names, held), TORCHVISION, title, what, held_out, form)


def opened(
    dataset: str, root: Path, *, split: str | None = None, download: bool = True, with_test: bool = True
) -> tuple[Any, Any]:
    """The training and the test split of a dataset, not read yet; None if it has no test split."""
    from torchvision import datasets

    if dataset not in names():
        raise DataError(unknown_name("data.dataset", dataset, names()))
    kind = getattr(datasets, dataset)
    parameters, what = parameters_of(kind), f"data.dataset={dataset}"

    def made(**arguments: Any) -> Any:
        return _made(kind, {"root": str(root), **arguments}, what, root, download if "download" in parameters else None)

    if "train" in parameters:
        given = {"split": split} if split is not None and "split" in parameters else {}
        if "split" in parameters and not given and parameters["split"].default is inspect.Parameter.empty:
            raise DataError(
                f"{what}: which split? Give data.split, such as {', '.join(getattr(kind, 'splits', ['train']))}"
            )
        return made(**given, train=True), made(**given, train=False) if with_test else None
    if "split" not in parameters:
        if split is not None:
            raise DataError(f"data.split={split}: {dataset} has no splits. Leave data.split out")
        return made(), None
    train = _first_split(made, [split] if split else TRAIN_SPLITS)
    others = [name for name in TEST_SPLITS if name != split]
    return train, _first_split(made, others, optional=True) if with_test else None


class _NoSplitError(DataError):
    """A dataset has no split of this name."""


def _first_split(made: Callable[..., Any], splits: Sequence[str], *, optional: bool = False) -> Any:
    """The first of these splits that the dataset has; None if it has none of them and ``optional``."""
    errors = []
    for split in splits:
        try:
            return made(split=split)
        except _NoSplitError as error:
            errors.append(error)
    if optional:
        return None
    raise errors[0]


def _made(kind: Callable[..., Any], arguments: Mapping[str, Any], what: str, root: Path, download: bool | None) -> Any:
    """The dataset, downloaded if it is missing; other jobs that download into this root wait.

    Args:
        download: None if torchvision cannot download it.
    """
    try:
        try:
            return kind(**arguments)
        except (ImportError, ValueError):
            raise
        except Exception:  # torchvision raises RuntimeError, OSError and others for missing and damaged files
            if not download:
                raise
        root.mkdir(parents=True, exist_ok=True)
        with locked(root), socket_timeout():
            return kind(**arguments, download=True)
    except Exception as error:
        if isinstance(error, ValueError) and "for argument split" in str(error):
            raise _NoSplitError(f"{what}: {' '.join(str(error).split())} Give one of them as data.split") from error
        raise _unavailable(error, what, root, download) from error


def _classes(found: list[Any] | None, count: int, what: str) -> Tensor | None:
    """The labels int64 (N,) of a dataset; None if they are not classes, like the attributes in CelebA."""
    if found is not None and not any(_is_class(label) for label in found):
        logger.info("%s: its labels are no classes, and left out", what)
        return None
    return as_labels(found, count, what)


def _is_class(label: Any) -> bool:
    return isinstance(label, int | np.integer) or (isinstance(label, Tensor | np.ndarray) and label.ndim == 0)


def _unavailable(error: Exception, what: str, root: Path, download: bool | None) -> DataError:
    if isinstance(error, ImportError):
        return DataError(f"{what}: torchvision reads it with a package that is missing: pip install {error.name}")
    reason = " ".join(str(error).split()).replace(" You can use download=True to download it", "")
    fetch = shell.command("gan", "data", "fetch", what.partition("=")[2], "--root", str(root))
    remedy = f"; {fetch} downloads it" if download is False else ""
    return DataError(f"{what}: not available under {root}: {type(error).__name__}: {reason}{remedy}")
