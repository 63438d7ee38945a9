"""Any image classification dataset of torchvision by the name of its class, such as USPS or SVHN."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gan.data.conversion import Form, as_labels, from_items
from gan.data.held_out import Source, assembled
from gan.data.loaded import LoadedImages
from gan.data.registry import TORCHVISION
from gan.system.errors import DataError, unknown_name

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
    """Read a dataset of torchvision; its test split is held out, or every tenth image if it has none.

    Args:
        dataset: name of the class in `torchvision.datasets`.
        root: folder of the files, as torchvision lays them out.
        split: training split; None for the usual one.
        download: whether missing files may be downloaded.

    Raises:
        DataError: there is no such dataset or split, it is not there and cannot be downloaded, or its items are no
            images with one label each.
    """
    form, what = Form(image_size, image_channels, fit), f"data.dataset={dataset}"
    train, test = opened(dataset, root, split=split, download=download, with_test=held_out is None)
    images, raw = from_items(train, what, form)
    labels = as_labels(raw, len(images), what)
    classes = getattr(train, "classes", None)
    held = None
    if test is not None:
        held_images, held_raw = from_items(test, what, form)
        held = held_images, as_labels(held_raw, len(held_images), what)
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
    parameters = inspect.signature(kind).parameters
    given: dict[str, Any] = {"root": str(root)}
    if "download" in parameters:
        given["download"] = download
    what = f"data.dataset={dataset}"
    if "train" in parameters:
        given |= {"split": split} if split is not None and "split" in parameters else {}
        train = _made(lambda: kind(**given, train=True), what, root, download)
        return train, _made(lambda: kind(**given, train=False), what, root, download) if with_test else None
    if "split" not in parameters:
        if split is not None:
            raise DataError(f"data.split={split}: {dataset} has no splits. Leave data.split out")
        return _made(lambda: kind(**given), what, root, download), None
    train = _first_split(kind, given, [split] if split else TRAIN_SPLITS, what, root, download)
    if train is None:
        _made(lambda: kind(**given, split=split or "train"), what, root, download)
        raise AssertionError("not reached")
    test = _first_split(kind, given, TEST_SPLITS, what, root, download) if with_test else None
    return train, test


def _first_split(
    kind: Callable[..., Any], given: dict[str, Any], splits: Any, what: str, root: Path, download: bool
) -> Any:
    """The first of these splits that the dataset has; None if it has none of them."""
    for split in splits:
        try:
            return kind(**given, split=split)
        except ValueError as error:  # torchvision's answer to an unknown split
            if "split" not in str(error):
                raise DataError(f"{what}: {' '.join(str(error).split())}") from error
        except Exception as error:
            raise _unavailable(error, what, root, download) from error
    return None


def _made(make: Callable[[], Any], what: str, root: Path, download: bool) -> Any:
    try:
        return make()
    except Exception as error:  # torchvision raises RuntimeError, OSError and others
        raise _unavailable(error, what, root, download) from error


def _unavailable(error: Exception, what: str, root: Path, download: bool) -> DataError:
    reason = " ".join(str(error).split()).replace(" You can use download=True to download it", "")
    remedy = "" if download else f"; gan data fetch {what.partition('=')[2]} --root {root} downloads it"
    return DataError(f"{what}: not available under {root}: {type(error).__name__}: {reason}{remedy}")
