"""The evaluation of several generators; those with the same evaluation are skipped, and failures do not stop others."""

import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan.generators.bundle import FILE_NAME, TrainedGenerator, load_generator
from gan.generators.bundle_path import find, quality_path
from gan.metrics.evaluating import Wanted, measure
from gan.metrics.extractors import NoExtractorError
from gan.metrics.measures import MEASURES
from gan.metrics.quality import Quality
from gan.metrics.real_sets import RealSets, UnknownRealImagesError
from gan.runs import file_names
from gan.runs.reading import is_run, named_folders, read_run
from gan.runs.run_files import read_json_or_empty
from gan.system.errors import GanError


@dataclass(frozen=True)
class Evaluated:
    """The result of one generator.

    Attributes:
        source: its run folder or bundle.
        quality: its metrics; None for 2-D points, for FID alone, and without an evaluation.
        result: the content of quality.json; None without an evaluation.
        failed: the error message, or "".
    """

    source: Path
    quality: Quality | None = None
    result: dict[str, Any] | None = None
    failed: str = ""


def expand(sources: Sequence[Path]) -> dict[Path, bool]:
    """The run folders and bundles of these sources: source -> whether it was found in a folder of runs.

    Raises:
        GanError: a source does not exist, or has no generator and no run below it.
    """
    found: dict[Path, bool] = {}
    for source in sources:
        if source.is_dir() and not (source / FILE_NAME).exists() and not is_run(source):
            for folder in _runs_below(source):
                found.setdefault(folder, True)
        else:
            found[source] = False
    return found


def _runs_below(folder: Path) -> list[Path]:
    try:
        return list(named_folders([folder]))
    except GanError:
        if not any(folder.rglob(file_names.FAILED)):  # else it is a sweep, and the error says why no job has started
            find(folder)  # raises: this folder has no generator
        raise


def evaluate_many(
    sources: dict[Path, bool], real: RealSets, wanted: Wanted, *, again: bool, quiet: bool
) -> Iterator[Evaluated]:
    """Evaluate the sources of `expand` one after the other, and print a line for each to stderr.

    Args:
        sources: as from `expand`. Of the runs found in a folder, those that have not finished are skipped.
        real, wanted: see `gan.metrics.evaluating.measure`.
        again: also evaluate generators with an evaluation by the same settings.
        quiet: print no numbers to stdout.
    """
    for number, (source, is_found) in enumerate(sources.items(), 1):
        start = f"[{number}/{len(sources)}] {source}:"
        try:
            if is_found and (state := read_run(source).state(time.time())) != "finished":
                print(f"{start} skipped, because its state is {state}", file=sys.stderr)
                continue
            generator = load_generator(source)
            done = None if again else _same_evaluation(source, generator, real, wanted)
            if done is None:
                quality, result = measure(source, generator, real, wanted, quiet=quiet)
                print(f"{start} {_in_short(result)}", file=sys.stderr)
            else:
                quality, result = done
                print(f"{start} skipped, evaluated before with these settings: {_in_short(result)}", file=sys.stderr)
            yield Evaluated(source, quality, result)
        except Exception as error:  # whatever is wrong with one run, the others are evaluated
            if not isinstance(error, GanError):
                traceback.print_exc()  # a bug
            message = str(error) if isinstance(error, GanError) else f"{type(error).__name__}: {error}"
            message = message.removeprefix(f"{source}: ")
            print(f"{start} failed", file=sys.stderr)  # the reason follows at the end
            yield Evaluated(source, failed=message)


def _in_short(result: dict[str, Any]) -> str:
    """The most important metric of quality.json, for example "FCD 4.51"."""
    shown = (
        (measure, measure.read(result["quality"])) for measure in MEASURES if measure.name in ("fcd", "modes", "fid")
    )
    measure, value = next(((measure, value) for measure, value in shown if value is not None), (None, None))
    return "evaluated" if measure is None else f"{measure.title} {measure.text([value])}"


def _same_evaluation(
    source: Path, generator: TrainedGenerator, real: RealSets, wanted: Wanted
) -> tuple[Quality | None, dict[str, Any]] | None:
    """The content of quality.json if it is of these weights, settings, images and extractors; else None."""
    result = read_json_or_empty(quality_path(source, rejection=wanted.sampler is not None))
    quality = result.get("quality")
    if (
        not isinstance(quality, dict)
        or result.get("weights_sha256") != generator.weights_sha256
        or (result.get("seed"), quality.get("n")) != (wanted.seed, wanted.n)
        or wanted.nearest is not None
    ):
        return None
    if generator.points:
        return None, result
    try:
        expected = real.of(source, generator).identity
    except UnknownRealImagesError:
        return None  # own metrics alone: they are quick
    except NoExtractorError:
        same_data = quality.get("data") == real.images(source, generator).name
        return (None, result) if wanted.fid and quality.get("fid") is not None and same_data else None
    is_conditional = generator.metadata.get("num_classes") and generator.image_shape[0] == 1
    same: list[bool] = [
        {name: quality.get(name) for name in expected} == expected,
        wanted.kid_subset in (None, quality.get("kid_subset")),
        not (wanted.cas and is_conditional) or quality.get("accuracy_score") is not None,
        not wanted.fid or quality.get("fid") is not None,
        all(_has_own(name, quality.get("own") or {}) for name in wanted.metrics),
    ]
    return _stored(result, expected) if all(same) else None


def _has_own(name: str, own: Mapping[str, float]) -> bool:
    """Whether the values of a metric of the user's own are there; one with several values has names of its own."""
    return any(key == name or key.startswith(f"{name}_") for key in own)


def _stored(result: dict[str, Any], identity: dict[str, Any]) -> tuple[Quality, dict[str, Any]] | None:
    try:
        return Quality(**{**result["quality"], **identity}), result  # in the order of a new evaluation
    except TypeError:  # of a version with other metrics
        return None
