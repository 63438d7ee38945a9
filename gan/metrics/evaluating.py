"""The evaluation of one generator for `gan evaluate`: computes its metrics, writes quality.json."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from gan.data.loaded import LoadedImages
from gan.data.points import modes_covered
from gan.data.registry import TOY_DISTRIBUTIONS
from gan.generators.bundle import FILE_NAME, TrainedGenerator, add_quality, load_generator
from gan.generators.bundle_metadata import data_name_of
from gan.generators.bundle_path import quality_path
from gan.generators.rejection import RejectingGenerator
from gan.metrics.classes import expected_kl
from gan.metrics.copies import picture_of_nearest
from gan.metrics.extractors import NoExtractorError
from gan.metrics.inception import inception_distance
from gan.metrics.quality import Quality, evaluate
from gan.metrics.real_sets import RealSets, UnknownRealImagesError
from gan.metrics.reference import SHOWN, Reference
from gan.runs.run_files import read_json_or_empty, write_json
from gan.system.errors import GanError, counted
from gan.system.files import write_bytes

STACKED_COUNT = 26_000  # the conventional number of images for the modes of Stacked MNIST


@dataclass(frozen=True)
class Wanted:
    """The options of `gan evaluate` that say what to measure for each generator."""

    n: int
    seed: int
    kid_subset: int | None  # None: `KID_SUBSET`, or fewer if there are fewer images
    cas: bool
    fid: bool
    nearest: Path | None
    device: str
    force: bool = False  # replace the metrics of another evaluation in quality.json
    metrics: Mapping[str, Any] = field(default_factory=dict)  # the user's own, by name
    # run, its generator -> a generator with another `sample`, whose metrics are not saved in the bundle
    sampler: Callable[[Path, TrainedGenerator], TrainedGenerator] | None = None


def measure(
    source: Path, generator: TrainedGenerator, real: RealSets, wanted: Wanted, *, quiet: bool
) -> tuple[Quality | None, dict[str, Any]]:
    """The metrics of one generator (None for 2-D data or for FID alone), and the new content of its quality.json."""
    generator = generator.to(wanted.device)
    if wanted.sampler is not None:
        generator = wanted.sampler(source, generator)
    if generator.points:
        _say_unused(source, wanted, "for 2-D points", "cas", "fid", "nearest", "metrics")
        return None, measure_points(source, generator, wanted, quiet=quiet)
    try:
        reference = real.of(source, generator)
    except UnknownRealImagesError:
        if not wanted.metrics:
            raise
        _say_unused(source, wanted, "without real images", "cas", "fid", "nearest")
        return None, _measure_own(source, generator, wanted, quiet=quiet)
    except NoExtractorError as error:
        if not wanted.fid:
            raise
        print(f"{source}: only FID is measured, because the dataset has no extractor: {error}", file=sys.stderr)
        _say_unused(source, wanted, "without an extractor", "cas", "nearest", "metrics")
        return None, _measure_fid(source, generator, real.images(source, generator), wanted, quiet=quiet)
    quality = measure_images(source, generator, reference, wanted)
    if wanted.metrics:
        from gan.metrics.own_metrics import own_values  # imports torchmetrics

        images, held_out = _images(generator, wanted.n, wanted.seed), real.images(source, generator).held_out_images
        quality = replace(quality, own=own_values(wanted.metrics, images, held_out, wanted.device))
    result = _content(generator, wanted, quality.to_dict())
    write(source, result, force=wanted.force)
    if wanted.nearest is not None:
        picture = picture_of_nearest(_images(generator, SHOWN, wanted.seed), reference)
        try:
            write_bytes(wanted.nearest, picture)
        except OSError as error:
            raise GanError(f"--nearest: {wanted.nearest} cannot be written: {error.strerror}") from error
    return quality, result


def _say_unused(source: Path, wanted: Wanted, when: str, *names: str) -> None:
    """Print a line if options were given that have no effect here."""
    options = {name: f"--{name.removesuffix('s') if name == 'metrics' else name}" for name in names}
    if given := [option for name, option in options.items() if getattr(wanted, name)]:
        print(f"{source}: {', '.join(given)}: no effect {when}", file=sys.stderr)


def measure_images(source: Path, generator: TrainedGenerator, reference: Reference, wanted: Wanted) -> Quality:
    """All requested metrics of a generator of images."""
    if wanted.cas and not generator.metadata.get("num_classes"):
        print(f"{source}: trained without classes, so there is no CAS", file=sys.stderr)
    if reference.stacked and wanted.n < STACKED_COUNT:
        print(
            f"{source}: KL of {wanted.n:,} stacks (a perfect generator: {expected_kl(wanted.n):.2f}). To compare with "
            f"papers, use --n {STACKED_COUNT} (a perfect generator: {expected_kl(STACKED_COUNT):.2f})",
            file=sys.stderr,
        )
    quality = evaluate(
        generator, reference, n=wanted.n, seed=wanted.seed, kid_subset=wanted.kid_subset,
        train_on_them=wanted.cas,
    )  # fmt: skip
    if wanted.cas and generator.metadata.get("num_classes") and quality.accuracy_score is None:
        print(f"{source}: no CAS: only for grey images of the classes of {reference.name}", file=sys.stderr)
    if wanted.fid:
        fid = reference.inception_distance(_images(generator, wanted.n, wanted.seed), wanted.device)
        quality = replace(quality, fid=fid)
    return quality


def _measure_fid(
    source: Path, generator: TrainedGenerator, data: LoadedImages, wanted: Wanted, *, quiet: bool
) -> dict[str, Any]:
    """Only FID, which does not need an extractor of this package."""
    fid = inception_distance(_images(generator, wanted.n, wanted.seed), data, wanted.device)
    if not quiet:
        print(f"{source}: FID {fid:.2f} of {wanted.n:,} images against {data.name}")
    result = _content(generator, wanted, {"data": data.name, "n": wanted.n, "fid": fid})
    write(source, result, force=wanted.force)
    return result


def _measure_own(source: Path, generator: TrainedGenerator, wanted: Wanted, *, quiet: bool) -> dict[str, Any]:
    """Only the user's own metrics, without real images."""
    from gan.metrics.own_metrics import own_values  # imports torchmetrics

    own = own_values(wanted.metrics, _images(generator, wanted.n, wanted.seed), None, wanted.device)
    if not quiet:
        print(f"{source}: {', '.join(f'{name} {value:.4g}' for name, value in own.items())} of {wanted.n:,} images")
    result = _content(generator, wanted, {"data": data_name_of(generator.metadata), "n": wanted.n, "own": own})
    write(source, result, force=wanted.force)
    return result


def _content(generator: TrainedGenerator, wanted: Wanted, quality: dict[str, Any]) -> dict[str, Any]:
    """The content of quality.json."""
    rejection = {"rejection": {"kept": generator.acceptance}} if isinstance(generator, RejectingGenerator) else {}
    return {
        **rejection,
        "weights_sha256": generator.weights_sha256,
        "seed": wanted.seed,
        "device": wanted.device,
        "torch": torch.__version__,
        "quality": quality,
    }


def measure_points(source: Path, generator: TrainedGenerator, wanted: Wanted, *, quiet: bool) -> dict[str, Any]:
    """The number of modes of a toy distribution that a generator has found, and the fraction of good points."""
    name = data_name_of(generator.metadata)
    if name not in TOY_DISTRIBUTIONS:
        raise GanError(f"{source}: its bundle names no toy distribution; known: {', '.join(TOY_DISTRIBUTIONS)}")
    world = TOY_DISTRIBUTIONS[name]
    n, seed = wanted.n, wanted.seed
    points = torch.as_tensor(generator.sample(n, seed=seed))
    covered = modes_covered(points, torch.tensor(world.centres), world.std)
    if not quiet:
        good = f"{covered.high_quality:.1%} of {counted(n, 'point')} within 3 standard deviations of one"
        print(f"{source}: {covered.modes} of {len(world.centres)} modes of {world.title}; {good} (real points: 98.9%)")
    result = {
        "weights_sha256": generator.weights_sha256,
        "seed": seed,
        "quality": {"data": name, "n": n, "of": len(world.centres), **covered._asdict()},
    }
    write(source, result, force=wanted.force)
    return result


def write(source: Path, result: dict[str, Any], *, force: bool) -> None:
    """Write quality.json beside the bundle and the metrics into its metadata. Print a line if this is not permitted.

    Metrics of images with rejection sampling get a file of their own, and are not written into the bundle. Metrics of
    the same weights that were compared with other images are kept, unless ``force``; of the same evaluation, those are
    kept that this one did not measure, as CAS.
    """
    bundle = source / FILE_NAME if source.is_dir() else source
    path = quality_path(source, rejection="rejection" in result)
    before = _before(path, result)
    if before and _are_alike(before, result):
        missing = {name: value for name, value in before["quality"].items() if result["quality"].get(name) is None}
        own = {**(before["quality"].get("own") or {}), **(result["quality"].get("own") or {})}
        result = {**result, "quality": {**result["quality"], **missing, **({"own": own} if own else {})}}
    elif before and not force:
        n, data = before["quality"].get("n"), before["quality"].get("data")
        kept = f"{path} is kept: it has the metrics of {n} images of {data} with seed {before.get('seed')}"
        print(f"{kept}; --force replaces them with these", file=sys.stderr)
        return
    try:
        write_json(path, result, sort_keys=True)
        if "rejection" in result:
            kept = f"with rejection sampling, {result['rejection']['kept']:.0%} of the images kept"
            print(f"{source}: {kept}; the metrics are in {path}", file=sys.stderr)
            return
        if load_generator(bundle).weights_sha256 == result["weights_sha256"]:
            add_quality(bundle, result)
        else:
            print(f"{bundle}: was trained further during the evaluation, so it gets no metrics", file=sys.stderr)
    except OSError as error:
        print(f"{bundle.parent} cannot be written to ({error.strerror}): the results are only printed", file=sys.stderr)


def _before(path: Path, result: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluation of the same weights in a quality.json; {} if there is none."""
    before = read_json_or_empty(path)
    is_alike = before.get("weights_sha256") == result["weights_sha256"] and isinstance(before.get("quality"), dict)
    return before if is_alike else {}


def _are_alike(before: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether two evaluations compared as many images with the same ones; FID alone has no extractors."""
    names = ("data", "data_sha256", "n", "extractors")
    pairs = [(before["quality"].get(name), result["quality"].get(name)) for name in names]
    return before.get("seed") == result.get("seed") and all(one == two or None in (one, two) for one, two in pairs)


def _images(generator: TrainedGenerator, n: int, seed: int) -> torch.Tensor:
    """The measured images, uint8 (n, C, H, W); for a conditional generator, labels cycle through the classes."""
    classes = int(generator.metadata.get("num_classes") or 0)
    return torch.as_tensor(generator.sample(n, seed=seed, labels=torch.arange(n) % classes if classes else None))
