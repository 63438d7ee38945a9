"""Settings of `data`."""

from dataclasses import dataclass

from gan.config.schema.fields import at_least_1, positive, setting
from gan.data.registry import CLASS_ORDERS, FITS, IMAGE_SIZES, ON_BROKEN, STACKED_BASES

LEAST, MOST = IMAGE_SIZES


@dataclass(kw_only=True)
class DataConfig:
    name: str = setting("name of the dataset")
    root: str = setting("folder of the datasets, in torchvision's layout", "data")
    split: str | None = setting("EMNIST's split; None for other datasets", None)
    folder: str | None = setting("folder of pictures for data=folder; None for other datasets", None)
    of: str | None = setting(
        "dataset that stacked_mnist stacks (None: mnist); None for other datasets",
        None,
        check=lambda x: x in (None, *STACKED_BASES),
        allowed=", ".join(STACKED_BASES),
    )
    image_size: int | None = setting(
        "height and width of the resized images; None for no change",
        None,
        check=lambda x: x is None or LEAST <= x <= MOST,
        allowed=f"{LEAST} to {MOST} pixels, or null for no change,",
    )
    image_channels: int | None = setting(
        "1: convert images to grey; 3: to colour; None for no change",
        None,
        check=lambda x: x in (None, 1, 3),
        allowed="1 (grey), 3 (colour), or null for no change,",
    )
    batch_size: int = at_least_1("images in one minibatch, over all devices together", 64)
    batch_size_of: str = setting(
        "batch_size is for all devices together, or for each of them", "all", choices=("all", "each")
    )
    shuffle: bool = setting("a new order every epoch; false: file order", True)
    drop_last: bool = setting("leave out the last minibatch of an epoch when it is short", False)
    mean: float = setting("subtracted from pixels in [0, 1]", 0.5)
    std: float = positive("divisor after the subtraction; 0.5 and 0.5 give [-1, 1]", 0.5)
    on_missing: str = setting(
        "if the dataset is not available: use the bundled sample, or stop",
        "sample",
        choices=("sample", "error"),
    )
    download: bool = setting("download missing files", True)


@dataclass(kw_only=True)
class FolderConfig(DataConfig):
    """Additional settings for a folder of pictures."""

    fit: str | None = setting(
        "how to make pictures square: crop takes the middle, pad adds black bars at the sides; None: an error",
        None,
        check=lambda x: x in (None, *FITS),
        allowed=", ".join((*FITS, "null")),
    )
    on_broken: str = setting(
        "pictures that cannot be read: an error, or skip and list them", "error", choices=ON_BROKEN
    )
    class_order: str = setting(
        "order of class folders: natural, 2 before 10; name, sorted as text, 10 before 2",
        "natural",
        choices=CLASS_ORDERS,
    )
