"""Loading of a dataset by its name: from the disk, by download, from a folder of pictures, or generated."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan.data.arrays import load_array
from gan.data.download import fetch
from gan.data.folder import load_folder
from gan.data.loaded import LoadedImages
from gan.data.points import load_points
from gan.data.registry import (
    ARRAY,
    FOLDER,
    OPTIONS,
    SAMPLES,
    STACKED,
    TORCHVISION,
    TOY_DISTRIBUTIONS,
    Archive,
    ClassOrder,
    DatasetSpec,
    Fit,
    HeldOut,
    ImageChannels,
    ImageSize,
    OnBroken,
    Sample,
    StackedBase,
    check_choice,
    find_source,
)
from gan.data.resizing import fitted
from gan.data.stacked import stacked
from gan.data.torchvision_sets import load_torchvision
from gan.data.verification import missing_files, read_source, read_split
from gan.system import shell
from gan.system.errors import DataError, unknown_name

logger = logging.getLogger(__name__)

ON_MISSING = ("sample", "error")


def load(
    name: str,
    root: str | Path = "data",
    split: str | None = None,
    download: bool = True,
    on_missing: str = "sample",
    folder: str | None = None,
    of: StackedBase | None = None,
    image_size: ImageSize | None = None,
    image_channels: ImageChannels | None = None,
    seed: int = 0,
    file: str | None = None,
    dataset: str | None = None,
    fit: Fit | None = None,
    held_out: HeldOut | None = None,
    on_broken: OnBroken = "error",
    class_order: ClassOrder = "natural",
) -> LoadedImages:
    """Load a dataset: from ``root`` if complete, else by download to ``root``, else its bundled sample if allowed.

    A folder of pictures is read from its path; points are generated.

    Args:
        name: one of ``registry.NAMES``.
        root: data folder in torchvision's layout; may be read-only if it is complete.
        split: EMNIST's split ("balanced" if None); None for other datasets.
        download: whether missing or damaged files may be downloaded.
        on_missing: "sample" uses the bundled sample if the dataset is not available; "error" raises.
        folder: path of the pictures for "folder"; None for other datasets.
        of: dataset that "stacked_mnist" stacks ("mnist" if None); None for other datasets.
        image_size, image_channels: size and channels of the images; None for no change.
        seed: seed of points and stacks.
        file: the file for "array"; see `gan.data.arrays.load_array`.
        dataset: class for "torchvision"; see `gan.data.torchvision_sets.load_torchvision`.
        fit: how oblong images become squares; for "folder", "array" and "torchvision".
        held_out: share of the held-out images, or their folder; for "folder", "array" and "torchvision".
        on_broken, class_order: for "folder"; see `gan.data.folder.load_folder`.

    Raises:
        DataError: an unknown name, split or ``on_missing``; a setting that this dataset does not accept; or the dataset
            is not available and has no sample or may not use it. The message has the expected files, the errors, and
            the possible remedies.
    """
    given: dict[str, Any] = dict(locals())
    if on_missing not in ON_MISSING:
        raise DataError(unknown_name("data.on_missing", on_missing, ON_MISSING))
    check_choice(name, **{option: value for option, value in given.items() if option in OPTIONS})
    if name in TOY_DISTRIBUTIONS:
        return load_points(name, seed)
    form = {option: given[option] for option in ("image_size", "image_channels", "fit", "held_out")}
    if name == FOLDER:
        return load_folder(str(folder), on_broken=on_broken, class_order=class_order, **form)
    if name == ARRAY:
        return load_array(str(file), **form)
    if name == TORCHVISION:
        return load_torchvision(str(dataset), Path(root).expanduser(), split=split, download=download, **form)
    if name == STACKED:
        loaded = stacked(_load_files(of or "mnist", root, None, download, on_missing), seed)
    else:
        loaded = _load_files(name, root, split, download, on_missing)
    return fitted(loaded, image_size, image_channels)


def _load_files(name: str, root: str | Path, split: str | None, download: bool, on_missing: str) -> LoadedImages:
    """A dataset from files, or its sample."""
    source = find_source(name, split)
    if isinstance(source, Sample):
        return _load_sample(source)
    # resolved, for the messages
    root = Path(root).expanduser().resolve()
    try:
        return _load_source(source, root)
    except DataError as error:
        fault = _fault(source, root, error)
    obstacle = "no download was tried"
    if download:
        try:
            return _fetch_and_load(source, root, fault)
        except DataError as error:
            obstacle = f"the download failed ({error})"
    if source.sample is None or on_missing == "error" or not missing_files(source, root):  # damaged, not missing
        raise DataError(_ways_out(source, root, fault, obstacle, download=download))
    sample = _load_sample(SAMPLES[source.sample])
    origin = f"{sample.origin}, IN PLACE OF THE FULL {source.title}: {fault}, and {obstacle}"
    return replace(sample, origin=origin, substitute_for=source.name)


def _fetch_and_load(source: DatasetSpec | Archive, root: Path, fault: str) -> LoadedImages:
    # no files at all: a first run, which needs no warning
    nothing_there = len(missing_files(source, root)) == len(source.files)
    logger.log(logging.INFO if nothing_there else logging.WARNING, "%s; fetching %s", fault, source.title)
    fetch(source, root)
    return _load_source(source, root)


def _load_source(source: DatasetSpec | Archive, root: Path) -> LoadedImages:
    images, labels, held_out_images, held_out_labels = read_source(source, root)
    if isinstance(source, Archive):
        checked = "sizes and labels verified"
    else:
        checked = "sha256 verified" if source.train.images_sha256 else "headers, counts and labels verified"
    origin = (
        f"{source.title}: {len(images):,} images to train on and {len(held_out_images):,} held out, "
        f"from {root / source.folder} ({checked})"
    )
    return LoadedImages(
        images, labels, held_out_images, held_out_labels, source.name, source.class_names, origin, split=source.split
    )


def _load_sample(sample: Sample) -> LoadedImages:
    try:
        images, labels = read_split(
            sample.split_files, sample.folder, f"the bundled {sample.title} sample", len(sample.class_names)
        )
    except DataError as error:
        raise DataError(f"the bundled sample is damaged: {error}; install the project again") from None
    cut = sample.train_count
    origin = f"the bundled sample of {sample.title}: {cut:,} images to train on and {len(images) - cut:,} held out"
    return LoadedImages(images[:cut], labels[:cut], images[cut:], labels[cut:], sample.name, sample.class_names, origin)


def _fault(source: DatasetSpec | Archive, root: Path, error: DataError) -> str:
    """What is wrong with the files under the root."""
    missing = missing_files(source, root)
    if len(missing) == len(source.files):
        return f"{root / source.folder} contains no {source.title}"
    if missing:
        return f"{root / source.folder} lacks {', '.join(path.name for path in missing)}"
    return str(error)


def _ways_out(source: DatasetSpec | Archive, root: Path, fault: str, obstacle: str, *, download: bool) -> str:
    """The message with remedies for every command that reads a dataset."""
    split = ["--split", source.split] if source.split else []
    fetching = shell.command("gan", "data", "fetch", source.name, *split, "--root", str(root))
    asked = f"data={source.name}" + (f" data.split={source.split}" if source.split else "")
    lines = [
        f"{asked}: {source.title} is not available",
        f"  {fault}",
        f"  {obstacle}",
        "  looked for:",
        *(f"    {root / source.folder / file}" for file in source.files),
        "  remedies:",
        *([] if download else [f"    - {fetching}: downloads the files"]),
        f"    - {_by_hand(source)}",
        "    - GAN_DATA=FOLDER in the environment, if the files are in another folder",
    ]
    if source.sample:
        lines.append(f"    - {source.sample} instead of {source.name}: 10,000 bundled images (9,000 to train on)")
    return "\n".join(lines)


def _by_hand(source: DatasetSpec | Archive) -> str:
    if isinstance(source, Archive):
        return (
            f"unpack {source.address} under data.root (torchvision's version, cifar-10-batches-py, is not "
            "read, because it consists of pickles, which can run code)"
        )
    return f"put these files there, plain or as .gz (torchvision.datasets.{source.torchvision_class} downloads them)"
