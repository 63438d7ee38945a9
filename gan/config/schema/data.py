"""Settings of `data`."""

from dataclasses import dataclass

from gan.config.schema.fields import at_least_1, positive, setting
from gan.data.registry import CLASS_ORDERS, FITS, IMAGE_SIZES, ON_BROKEN, STACKED_BASES

LEAST, MOST = IMAGE_SIZES


@dataclass(kw_only=True)
class DataConfig:
    name: str = setting("which images")
    root: str = setting("folder of the data sets, in torchvision's layout", "data")
    split: str | None = setting("EMNIST's split; None for the other sets", None)
    folder: str | None = setting("folder of pictures, for data=folder; None for the other sets", None)
    of: str | None = setting(
        "what stacked_mnist stacks (None: mnist); None for the other sets",
        None,
        check=lambda x: x in (None, *STACKED_BASES),
        allowed=", ".join(STACKED_BASES),
    )
    image_size: int | None = setting(
        "images are made squares of so many pixels; None: as they are",
        None,
        check=lambda x: x is None or LEAST <= x <= MOST,
        allowed=f"{LEAST} to {MOST} pixels, or null for no change,",
    )
    image_channels: int | None = setting(
        "1: images are made grey; 3: colour; None: as they are",
        None,
        check=lambda x: x in (None, 1, 3),
        allowed="1 (grey), 3 (colour), or null for no change,",
    )
    batch_size: int = at_least_1("images in one minibatch, over all devices together", 64)
    batch_size_of: str = setting(
        "what batch_size counts: all devices together, or each of them", "all", choices=("all", "each")
    )
    shuffle: bool = setting("a new order every epoch; false: file order", True)
    drop_last: bool = setting("leave out the last minibatch of an epoch when it is short", False)
    mean: float = setting("subtracted from pixels in [0, 1]", 0.5)
    std: float = positive("divides what is left; 0.5 and 0.5 give [-1, 1]", 0.5)
    on_missing: str = setting(
        "when the set is neither there nor downloadable: go on with the bundled sample, or stop",
        "sample",
        choices=("sample", "error"),
    )
    download: bool = setting("fetch what is missing", True)


@dataclass(kw_only=True)
class FolderConfig(DataConfig):
    """What a folder of the user's own pictures has besides."""

    fit: str | None = setting(
        "how oblong pictures become squares: crop takes the middle, pad puts black bars at the sides; None: an error",
        None,
        check=lambda x: x in (None, *FITS),
        allowed=", ".join((*FITS, "null")),
    )
    on_broken: str = setting(
        "pictures that cannot be read: an error, or skip them and say which", "error", choices=ON_BROKEN
    )
    class_order: str = setting(
        "numbers of class folders: natural, 2 before 10; name, as text, 10 before 2",
        "natural",
        choices=CLASS_ORDERS,
    )
