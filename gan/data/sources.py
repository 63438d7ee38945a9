"""Images come in: a set by its name, verified, from the disk, by download, or from the bundled sample in its place."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from gan.data.download import fetch
from gan.data.registry import SAMPLES, SOURCES, Sample, Source, find_source
from gan.data.verification import missing_files, read_half, read_source
from gan.errors import DataError, unknown_name

__all__ = ["ON_MISSING", "SAMPLES", "SOURCES", "LoadedImages", "find_source", "load"]

logger = logging.getLogger(__name__)

ON_MISSING = ("sample", "error")


@dataclass(frozen=True)
class LoadedImages:
    """A data set in memory.

    Attributes:
        images: uint8 (N, 1, 28, 28), to train on.
        labels: int64 (N,), in 0 … len(class_names) - 1.
        held_out_images: uint8 (M, 1, 28, 28): the test set, never trained on.
        held_out_labels: int64 (M,).
        name: of the set that this is, such as "mnist" or "mnist_sample".
        class_names: one per class.
        origin: a sentence: what this is and where it came from.
        substitute_for: name of the set that was asked for, when this is the sample in its place; else None.
    """

    images: Tensor
    labels: Tensor
    held_out_images: Tensor
    held_out_labels: Tensor
    name: str
    class_names: tuple[str, ...]
    origin: str
    substitute_for: str | None = None


def load(
    name: str, root: str | Path = "data", split: str | None = None, download: bool = True, on_missing: str = "sample"
) -> LoadedImages:
    """Load a set: from ``root`` if it is whole there, else downloaded to there, else its sample if that is allowed.

    Args:
        name: a key of ``SOURCES`` or ``SAMPLES``.
        root: data folder in torchvision's layout; may be read-only if everything is there.
        split: EMNIST's split ("balanced" if None); None for all other sets.
        download: may the network be used, if files are missing or broken?
        on_missing: "sample" goes on with the bundled sample when the set cannot be had; "error" does not.

    Raises:
        DataError: for an unknown name, split or ``on_missing``; if the set is missing or broken, cannot be fetched,
            and has no sample or may not use it. The message says what was looked for, what failed, and the ways out.
    """
    if on_missing not in ON_MISSING:
        raise DataError(unknown_name("data.on_missing", on_missing, ON_MISSING))
    source = find_source(name, split)
    if isinstance(source, Sample):
        return _load_sample(source)
    # resolved, so that an error names a place and not a riddle
    root = Path(root).expanduser().resolve()
    try:
        return _load_source(source, root)
    except DataError as error:
        fault = _fault(source, root, error)
    obstacle = "there was no download (data.download=false, or another process's task)"
    if download:
        try:
            return _fetch_and_load(source, root, fault)
        except DataError as error:
            obstacle = f"the download failed ({error})"
    if source.sample is None or on_missing == "error":
        raise DataError(_ways_out(source, root, fault, obstacle))
    sample = _load_sample(SAMPLES[source.sample])
    origin = f"{sample.origin}, IN PLACE OF THE FULL {source.title}: {fault}, and {obstacle}"
    return replace(sample, origin=origin, substitute_for=source.name)


def _fetch_and_load(source: Source, root: Path, fault: str) -> LoadedImages:
    # nothing there is a first run, which is no fault; a broken file is one
    nothing_there = len(missing_files(source, root)) == len(source.files)
    logger.log(logging.INFO if nothing_there else logging.WARNING, "%s; fetching %s", fault, source.title)
    fetch(source, root)
    return _load_source(source, root)


def _load_source(source: Source, root: Path) -> LoadedImages:
    images, labels, held_out_images, held_out_labels = read_source(source, root)
    checked = "sha256 verified" if source.train.images_sha256 else "headers, counts and labels verified"
    origin = (
        f"{source.title}: {len(images):,} images to train on and {len(held_out_images):,} held out, "
        f"from {root / source.folder} ({checked})"
    )
    return LoadedImages(images, labels, held_out_images, held_out_labels, source.name, source.class_names, origin)


def _load_sample(sample: Sample) -> LoadedImages:
    try:
        images, labels = read_half(
            sample.half, sample.folder, f"the bundled {sample.title} sample", len(sample.class_names)
        )
    except DataError as error:
        raise DataError(f"the bundled sample is damaged: {error}; install the project again") from None
    cut = sample.train_count
    origin = f"the bundled sample of {sample.title}: {cut:,} images to train on and {len(images) - cut:,} held out"
    return LoadedImages(images[:cut], labels[:cut], images[cut:], labels[cut:], sample.name, sample.class_names, origin)


def _fault(source: Source, root: Path, error: DataError) -> str:
    """What is wrong with what lies under the root: nothing is there, or a file that is named."""
    missing = missing_files(source, root)
    if len(missing) == len(source.files):
        return f"{root / source.folder} holds no {source.title}"
    if missing:
        return f"{root / source.folder} lacks {', '.join(path.name for path in missing)}"
    return str(error)


def _ways_out(source: Source, root: Path, fault: str, obstacle: str) -> str:
    asked = f"data={source.name}" + (f" data.split={source.split}" if source.split else "")
    lines = [
        f"{asked}: {source.title} cannot be had",
        f"  {fault}",
        f"  {obstacle}",
        "  looked for:",
        *(f"    {root / source.folder / file}" for file in source.files),
        "  ways out:",
        f"    - put these files there, plain or as .gz (torchvision.datasets.{source.torchvision_class} makes them)",
        "    - data.root=FOLDER, or GAN_DATA=FOLDER in the environment, if they lie elsewhere",
    ]
    if source.sample:
        lines += [
            f"    - data={source.sample}: the bundled 10,000 images",
            "    - data.on_missing=sample: the same, whenever the full set cannot be had",
        ]
    return "\n".join(lines)
