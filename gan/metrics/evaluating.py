"""The evaluation of one generator for `gan evaluate`: loads real images, computes metrics, writes quality.json."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from gan.data.loaded import LoadedImages
from gan.data.points import modes_covered
from gan.data.registry import ARRAY, FOLDER, NAMES, SOURCES, TORCHVISION, TOY_DISTRIBUTIONS
from gan.data.sources import load
from gan.data.stacked import stacked
from gan.generators.bundle import FILE_NAME, TrainedGenerator, add_quality
from gan.generators.bundle_path import quality_path
from gan.metrics.classes import expected_kl
from gan.metrics.copies import picture_of_nearest
from gan.metrics.extractors import (
    READING,
    REQUIRED,
    NoExtractorError,
    extractors_of,
    load_extractor,
    read_extractor,
    training_command,
)
from gan.metrics.inception import inception_distance
from gan.metrics.quality import Quality, evaluate
from gan.metrics.reference import SHOWN, Reference
from gan.runs.run_files import read_settings
from gan.system.errors import GanError, counted
from gan.system.files import write_bytes
from gan.system.tensor_cache import digest

STACKED_COUNT = 26_000  # the conventional number of images for the modes of Stacked MNIST
SAMPLE_NOTE = (
    "which is of the test images: precision … coverage compare it with images that it was trained on, "
    "and copies of those do not count as copied"
)


@dataclass(frozen=True)
class Wanted:
    """The options of `gan evaluate` that say what to measure for each generator."""

    n: int
    seed: int
    kid_subset: int
    cas: bool
    fid: bool
    nearest: Path | None
    device: str
    metrics: Mapping[str, Any] = field(default_factory=dict)  # the user's own, by name


class UnknownRealImagesError(GanError):
    """A generator was trained on a dataset that `gan evaluate` cannot read."""


class RealSets:
    """The real images that generators are compared with. Each dataset is read only once.

    Args:
        data: the dataset for all generators; "" for the one that each was trained on.
        root: folder of the datasets.
        extractors: files used instead of the shipped extractors, by kind; None: the shipped extractor.
        device: where features are computed.
        reading: settings of ``data`` that override those of a run folder, by their names there: ``folder``, ``fit``, …

    Raises:
        GanError: a file is not an extractor.
    """

    def __init__(
        self,
        data: str,
        root: Path,
        extractors: Mapping[str, Path | None],
        device: str,
        reading: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._data, self._root, self._device, self._reading = data, root, device, reading
        self._own = {kind: read_extractor(path) if path else None for kind, path in extractors.items()}
        self._loaded: dict[str, LoadedImages] = {}
        self._references: dict[tuple[str, bool, int], Reference] = {}

    def of(self, source: Path, generator: TrainedGenerator) -> Reference:
        """The reference for one generator. Prints the source of the images, and a note if they are a biased choice."""
        asked, seed = self._asked(source, generator), _seed(generator)
        key = (json.dumps(asked, sort_keys=True), _is_stacked(self._data, generator), seed)
        if key not in self._references:
            self._check_extractors(asked)
            loaded = self._load(asked)
            own, command = self._own, _training_command(asked)
            self._references[key] = Reference(
                loaded, channels=generator.image_shape[0], device=self._device, stack_seed=seed, command=command, **own
            )
        reference = self._references[key]
        if _data_name(generator.metadata).endswith("_sample") and not reference.name.endswith("_sample"):
            print(f"{source}: trained on the bundled sample, {SAMPLE_NOTE}", file=sys.stderr)
        return reference

    def images(self, source: Path, generator: TrainedGenerator) -> LoadedImages:
        """The real images for one generator, without features of an extractor."""
        loaded = self._load(self._asked(source, generator))
        return stacked(loaded, _seed(generator)) if _is_stacked(self._data, generator) else loaded

    def _asked(self, source: Path, generator: TrainedGenerator) -> dict[str, Any]:
        """The settings of `load` for one generator; for a run folder, the settings of its training."""
        name = self._data.removeprefix("stacked_") or _trained_on(source, generator.metadata)
        if not self._data and (name not in NAMES or name in (ARRAY, TORCHVISION)):
            raise UnknownRealImagesError(
                f"{source}: trained on data '{name}', whose images cannot be read here. --metric CLASS measures with "
                f"your own metric. --data NAME compares with another dataset: {', '.join(sorted(SOURCES))} or {FOLDER}"
            )
        settings = _settings_of(source)
        if self._data and settings.get("name") != self._data:
            settings = {}  # settings of another dataset
        settings = {key: settings[key] for key in ("folder", *READING) if settings.get(key) is not None}
        settings |= self._reading
        channels, size, _ = generator.image_shape
        if name == FOLDER:
            if not settings.get("folder"):
                raise GanError(
                    f"{source}: which pictures? give --data {FOLDER} --folder PATH, and --fit, --on-broken and "
                    "--class-order where its training had them"
                )
            return {**settings, "name": name, "image_size": size, "image_channels": channels}
        asked = {"name": name, **{key: value for key, value in settings.items() if key in (*self._reading, "split")}}
        if not _is_stacked(self._data, generator):
            asked["image_channels"] = channels
        return asked

    def _load(self, asked: Mapping[str, Any]) -> LoadedImages:
        key = json.dumps(asked, sort_keys=True)
        if key not in self._loaded:
            on_missing = "error" if self._data else "sample"
            self._loaded[key] = load(root=self._root, download=False, on_missing=on_missing, **asked)
            print(f"real images: {self._loaded[key].origin}", file=sys.stderr)
        return self._loaded[key]

    def _check_extractors(self, asked: Mapping[str, Any]) -> None:
        """Check that the extractors exist before reading images. For a folder, this needs the images themselves."""
        name, is_colour = asked["name"], asked.get("image_channels") == 3
        for kind in REQUIRED if name != FOLDER else ():
            if self._own[kind] is None:
                of_the_set = extractors_of(name, is_colour=is_colour, split=asked.get("split"))
                load_extractor(of_the_set, kind, _training_command(asked))


def measure(
    source: Path, generator: TrainedGenerator, real: RealSets, wanted: Wanted, *, quiet: bool
) -> tuple[Quality | None, dict[str, Any]]:
    """The metrics of one generator (None for 2-D data or for FID alone), and the new content of its quality.json."""
    if generator.points:
        return None, measure_points(source, generator, n=wanted.n, seed=wanted.seed, quiet=quiet)
    try:
        reference = real.of(source, generator)
    except UnknownRealImagesError:
        if not wanted.metrics:
            raise
        return None, _measure_own(source, generator, wanted, quiet=quiet)
    except NoExtractorError as error:
        if not wanted.fid:
            raise
        print(f"{source}: FID alone, for there are no other measures: {error}", file=sys.stderr)
        return None, _measure_fid(source, generator, real.images(source, generator), wanted, quiet=quiet)
    quality = measure_images(source, generator, reference, wanted)
    if wanted.metrics:
        from gan.metrics.own_metrics import own_values  # imports torchmetrics

        images, held_out = _images(generator, wanted.n, wanted.seed), real.images(source, generator).held_out_images
        quality = replace(quality, own=own_values(wanted.metrics, images, held_out, wanted.device))
    result = result_of(generator, quality, wanted)
    write(source, result)
    return quality, result


def measure_images(source: Path, generator: TrainedGenerator, reference: Reference, wanted: Wanted) -> Quality:
    """All requested metrics of a generator of images. Also draws the image ``wanted.nearest``."""
    if wanted.cas and not generator.metadata.get("num_classes"):
        print(f"{source}: trained without classes, so there is no CAS", file=sys.stderr)
    if reference.stacked and wanted.n < STACKED_COUNT:
        print(
            f"{source}: KL of {wanted.n:,} stacks: a perfect generator has {expected_kl(wanted.n):.2f} there, and "
            f"{expected_kl(STACKED_COUNT):.2f} with --n {STACKED_COUNT}, as papers have it: give that to compare",
            file=sys.stderr,
        )
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


def _measure_fid(
    source: Path, generator: TrainedGenerator, data: LoadedImages, wanted: Wanted, *, quiet: bool
) -> dict[str, Any]:
    """Only FID, which does not need an extractor of this package."""
    fid = inception_distance(_images(generator.to(wanted.device), wanted.n, wanted.seed), data, wanted.device)
    if not quiet:
        print(f"{source}: FID {fid:.2f} of {wanted.n:,} images against {data.name}")
    result = _content(generator, wanted, {"data": data.name, "n": wanted.n, "fid": fid})
    write(source, result)
    return result


def _measure_own(source: Path, generator: TrainedGenerator, wanted: Wanted, *, quiet: bool) -> dict[str, Any]:
    """Only the user's own metrics, without real images."""
    from gan.metrics.own_metrics import own_values  # imports torchmetrics

    own = own_values(wanted.metrics, _images(generator, wanted.n, wanted.seed), None, wanted.device)
    if not quiet:
        print(f"{source}: {', '.join(f'{name} {value:.4g}' for name, value in own.items())} of {wanted.n:,} images")
    result = _content(generator, wanted, {"data": _data_name(generator.metadata), "n": wanted.n, "own": own})
    write(source, result)
    return result


def result_of(generator: TrainedGenerator, quality: Quality, wanted: Wanted) -> dict[str, Any]:
    """The content of quality.json."""
    return _content(generator, wanted, quality.to_dict())


def _content(generator: TrainedGenerator, wanted: Wanted, quality: dict[str, Any]) -> dict[str, Any]:
    return {
        "weights_sha256": digest(*generator.generator.cpu().state_dict().values()),
        "seed": wanted.seed,
        "device": wanted.device,
        "torch": torch.__version__,
        "quality": quality,
    }


def measure_points(source: Path, generator: TrainedGenerator, *, n: int, seed: int, quiet: bool) -> dict[str, Any]:
    """The number of modes of a toy distribution that a generator has found, and the fraction of good points."""
    name = _data_name(generator.metadata)
    if name not in TOY_DISTRIBUTIONS:
        raise GanError(f"{source}: its bundle names no world of points; known are {', '.join(TOY_DISTRIBUTIONS)}")
    world = TOY_DISTRIBUTIONS[name]
    points = torch.as_tensor(generator.sample(n, seed=seed))
    covered = modes_covered(points, torch.tensor(world.centres), world.std)
    if not quiet:
        good = f"{covered.high_quality:.1%} of {counted(n, 'point')} within 3 standard deviations of one"
        print(f"{source}: {covered.modes} of {len(world.centres)} modes of {world.title}; {good} (real points: 98.9%)")
    result = {
        "weights_sha256": digest(*generator.generator.cpu().state_dict().values()),
        "seed": seed,
        "quality": {"data": name, "n": n, "modes": covered.modes, "of": len(world.centres), **covered._asdict()},
    }
    write(source, result)
    return result


def write(source: Path, result: dict[str, Any]) -> None:
    """Write quality.json beside the bundle and the metrics into its metadata. Print a line if this is not permitted."""
    bundle = source / FILE_NAME if source.is_dir() else source
    try:
        write_bytes(quality_path(source), (json.dumps(result, indent=2, sort_keys=True) + "\n").encode())
        add_quality(bundle, result)
    except OSError as error:
        print(f"{bundle.parent} cannot be written to ({error.strerror}): the results are only printed", file=sys.stderr)


def _images(generator: TrainedGenerator, n: int, seed: int) -> torch.Tensor:
    """The measured images, uint8 (n, C, H, W); for a conditional generator, labels cycle through the classes."""
    classes = int(generator.metadata.get("num_classes") or 0)
    return torch.as_tensor(generator.sample(n, seed=seed, labels=torch.arange(n) % classes if classes else None))


def _trained_on(source: Path, metadata: Mapping[str, Any]) -> str:
    """The full dataset that the bundle names as its data; for stacked images, the dataset that is stacked."""
    name = _data_name(metadata)
    if not name:
        raise GanError(f"{source}: its bundle names no data set; give --data")
    return name.removeprefix("stacked_").removesuffix("_sample")


def _is_stacked(data: str, generator: TrainedGenerator) -> bool:
    """Whether each channel is a separate image: the generator was trained on, or is compared with, stacked images."""
    name = data or _data_name(generator.metadata)
    return name.startswith("stacked_") or (bool(data) and generator.image_shape[0] == 3 and data in SOURCES)


def _seed(generator: TrainedGenerator) -> int:
    """The seed of the training, which also decides which stacks it used."""
    trained = generator.metadata.get("trained")
    seed = trained.get("seed") if isinstance(trained, dict) else None
    return seed if isinstance(seed, int) else 0


def _settings_of(source: Path) -> dict[str, Any]:
    """The ``data`` node of a run folder; {} for a bundle without a run folder."""
    try:
        node = read_settings(source / "config.yaml").get("data")
    except (OSError, GanError):
        return {}
    return node if isinstance(node, dict) else {}


def _training_command(asked: Mapping[str, Any]) -> str:
    """The command that trains the extractors for this dataset."""
    channels, size = asked.get("image_channels") or 1, asked.get("image_size") or 0
    return training_command(asked["name"], asked, channels=channels, size=size)


def _data_name(metadata: Mapping[str, Any]) -> str:
    return str((metadata.get("data") or {}).get("name") or "")
