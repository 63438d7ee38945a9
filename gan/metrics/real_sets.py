"""The real images that `gan evaluate` compares generators with: which dataset, read how, with which extractors."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gan.data.loaded import LoadedImages
from gan.data.registry import ARRAY, FOLDER, NAMES, SOURCES, TORCHVISION
from gan.data.sources import load
from gan.data.stacked import stacked
from gan.generators.bundle import TrainedGenerator
from gan.generators.bundle_metadata import data_name_of
from gan.metrics.extractors import READING, REQUIRED, extractors_of, load_extractor, read_extractor, training_command
from gan.metrics.reference import Reference
from gan.runs import file_names
from gan.runs.run_files import read_settings
from gan.system.errors import GanError

SAMPLE_NOTE = (
    "which consists of test images: precision, recall, density and coverage compare the generator with images that it "
    "was trained on, and copied does not detect copies of them"
)


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
        if data_name_of(generator.metadata).endswith("_sample") and not reference.name.endswith("_sample"):
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
        settings = _settings_of(source) or {"split": _split(generator.metadata)}
        if self._data and settings.get("name") != self._data:
            settings = {}  # settings of another dataset
        settings = {key: settings[key] for key in ("folder", *READING) if settings.get(key) is not None}
        settings |= self._reading
        channels, size, _ = generator.image_shape
        if name == FOLDER:
            if not settings.get("folder"):
                raise GanError(
                    f"{source}: which pictures? give --data {FOLDER} --folder PATH, and --fit, --held-out, "
                    "--on-broken and --class-order as in its training"
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


def _trained_on(source: Path, metadata: Mapping[str, Any]) -> str:
    """The full dataset that the bundle names as its data; for stacked images, the dataset that is stacked."""
    name = data_name_of(metadata)
    if not name:
        raise GanError(f"{source}: its bundle names no dataset; give --data")
    return name.removeprefix("stacked_").removesuffix("_sample")


def _split(metadata: Mapping[str, Any]) -> str | None:
    """The split of the dataset that the bundle names; None for the first, and in bundles of earlier versions."""
    split = (metadata.get("data") or {}).get("split")
    return split if isinstance(split, str) else None


def _is_stacked(data: str, generator: TrainedGenerator) -> bool:
    """Whether each channel is a separate image: the generator was trained on, or is compared with, stacked images."""
    own = data_name_of(generator.metadata)
    if not data or data == own.removesuffix("_sample"):
        return own.startswith("stacked_")
    return data.startswith("stacked_") or (generator.image_shape[0] == 3 and data in SOURCES)


def _seed(generator: TrainedGenerator) -> int:
    """The seed of the training, which also decides which stacks it used."""
    trained = generator.metadata.get("trained")
    seed = trained.get("seed") if isinstance(trained, dict) else None
    return seed if isinstance(seed, int) else 0


def _settings_of(source: Path) -> dict[str, Any]:
    """The ``data`` node of a run folder, also for the bundle in it; {} for a bundle without a run folder."""
    folder = source.parent if source.name == file_names.GENERATOR else source
    try:
        node = read_settings(folder / file_names.SETTINGS).get("data")
    except (OSError, GanError):
        return {}
    return node if isinstance(node, dict) else {}


def _training_command(asked: Mapping[str, Any]) -> str:
    """The command that trains the extractors for this dataset."""
    channels, size = asked.get("image_channels") or 1, asked.get("image_size") or 0
    return training_command(asked["name"], asked, channels=channels, size=size)
