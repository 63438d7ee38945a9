"""What `gan evaluate` does for one generator after another: real images, measures, and where they are written."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gan.data.points import modes_covered
from gan.data.registry import WORLDS
from gan.data.sources import load
from gan.generators.bundle import FILE_NAME, TrainedGenerator, add_quality
from gan.metrics.cache import digest
from gan.metrics.copies import picture_of_nearest
from gan.metrics.extractors import KINDS, load_extractor, read_extractor
from gan.metrics.quality import Quality, evaluate
from gan.metrics.reference import SHOWN, Reference
from gan.system.errors import GanError
from gan.system.files import write_bytes

SAMPLE_NOTE = (
    "which is of the test images: precision … coverage compare it with images that it was trained on, "
    "and copies of those do not count as copied"
)


@dataclass(frozen=True)
class Wanted:
    """What is measured of each generator: the options of `gan evaluate`."""

    n: int
    seed: int
    kid_subset: int
    cas: bool
    fid: bool
    nearest: Path | None
    device: str


class RealSets:
    """The real images that generators are held against, each set read once.

    Args:
        data: the set for all of them; "" for what each was trained on.
        root: folder of the data sets.
        extractors: files used instead of the shipped ones, by kind; None: the shipped one.
        device: where features are computed.

    Raises:
        GanError: a file is no extractor.
    """

    def __init__(self, data: str, root: Path, extractors: Mapping[str, Path | None], device: str) -> None:
        self._data, self._root, self._device = data, root, device
        self._own = {kind: read_extractor(path) if path else None for kind, path in extractors.items()}
        self._references: dict[tuple[str, int], Reference] = {}

    def of(self, source: Path, generator: TrainedGenerator) -> Reference:
        """Those for one generator; says what they are, and if they are not quite fair."""
        name = self._data.removeprefix("stacked_") or _trained_on(source, generator.metadata)
        key = (name, generator.image_shape[0])
        if key not in self._references:
            shipped = {kind: self._own[kind] or load_extractor(name, kind) for kind in KINDS}  # before images are read
            loaded = load(name, self._root, download=False, on_missing="error" if self._data else "sample")
            self._references[key] = Reference(loaded, channels=key[1], device=self._device, **shipped)
            print(f"real images: {loaded.origin}", file=sys.stderr)
        reference = self._references[key]
        if _data_name(generator.metadata).endswith("_sample") and not reference.name.endswith("_sample"):
            print(f"{source}: trained on the bundled sample, {SAMPLE_NOTE}", file=sys.stderr)
        return reference


def measure(
    source: Path, generator: TrainedGenerator, real: RealSets, wanted: Wanted, *, quiet: bool
) -> tuple[Quality | None, dict[str, Any]]:
    """One generator: its measures, None of a generator of points; and what quality.json now says of it."""
    if generator.points:
        return None, measure_points(source, generator, n=wanted.n, seed=wanted.seed, quiet=quiet)
    quality = measure_images(source, generator, real.of(source, generator), wanted)
    result = result_of(generator, quality, wanted)
    write(source, result)
    return quality, result


def measure_images(source: Path, generator: TrainedGenerator, reference: Reference, wanted: Wanted) -> Quality:
    """All measures of a generator of images that are wanted; ``wanted.nearest`` is drawn."""
    if wanted.cas and not generator.metadata.get("num_classes"):
        print(f"{source}: trained without classes, so there is no CAS", file=sys.stderr)
    quality = evaluate(
        generator.to(wanted.device), reference, n=wanted.n, seed=wanted.seed, kid_subset=wanted.kid_subset,
        train_on_them=wanted.cas,
    )  # fmt: skip
    if wanted.fid:
        fid = reference.inception_distance(_images(generator, wanted.n, wanted.seed), wanted.device)
        quality = replace(quality, fid=fid)
    if wanted.nearest is not None:
        images = _images(generator, SHOWN, wanted.seed)
        write_bytes(wanted.nearest, picture_of_nearest(images, reference))
    return quality


def result_of(generator: TrainedGenerator, quality: Quality, wanted: Wanted) -> dict[str, Any]:
    """The content of quality.json."""
    return {
        "weights_sha256": digest(*generator.generator.cpu().state_dict().values()),
        "seed": wanted.seed,
        "device": wanted.device,
        "torch": torch.__version__,
        "quality": quality.to_dict(),
    }


def measure_points(source: Path, generator: TrainedGenerator, *, n: int, seed: int, quiet: bool) -> dict[str, Any]:
    """How many modes of a world of points a generator has found, and how many of its points are any good."""
    name = _data_name(generator.metadata)
    if name not in WORLDS:
        raise GanError(f"{source}: its bundle names no world of points; known are {', '.join(WORLDS)}")
    world = WORLDS[name]
    points = torch.as_tensor(generator.sample(n, seed=seed))
    covered = modes_covered(points, torch.tensor(world.centres), world.std)
    if not quiet:
        good = f"{covered.high_quality:.1%} of {n:,} points within 3 standard deviations of one"
        print(f"{source}: {covered.modes} of {len(world.centres)} modes of {world.title}; {good} (real points: 98.9%)")
    result = {
        "weights_sha256": digest(*generator.generator.cpu().state_dict().values()),
        "seed": seed,
        "quality": {"data": name, "n": n, "modes": covered.modes, "of": len(world.centres), **covered._asdict()},
    }
    write(source, result)
    return result


def write(source: Path, result: dict[str, Any]) -> None:
    """quality.json beside the bundle, and the measures into its metadata; where that is not allowed, a line says so."""
    bundle = source / FILE_NAME if source.is_dir() else source
    path = bundle.with_name("quality.json" if bundle.name == FILE_NAME else f"{bundle.stem}.quality.json")
    try:
        write_bytes(path, (json.dumps(result, indent=2, sort_keys=True) + "\n").encode())
        add_quality(bundle, result)
    except OSError as error:
        print(f"{bundle.parent} cannot be written to ({error.strerror}): the numbers stand here alone", file=sys.stderr)


def _images(generator: TrainedGenerator, n: int, seed: int) -> torch.Tensor:
    """uint8 (n, C, H, W), of a conditional generator all classes in turn: those that are measured."""
    classes = int(generator.metadata.get("num_classes") or 0)
    return torch.as_tensor(generator.sample(n, seed=seed, labels=torch.arange(n) % classes if classes else None))


def _trained_on(source: Path, metadata: Mapping[str, Any]) -> str:
    """The full set of what the bundle names as its data; of stacks, the set that is stacked."""
    name = _data_name(metadata)
    if not name:
        raise GanError(f"{source}: its bundle names no data set; give --data")
    return name.removeprefix("stacked_").removesuffix("_sample")


def _data_name(metadata: Mapping[str, Any]) -> str:
    return str((metadata.get("data") or {}).get("name") or "")
