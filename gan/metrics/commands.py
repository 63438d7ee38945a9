"""`gan evaluate` and `gan metrics train-extractor`; gan/cli.py hooks them in."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan.commands.arguments import Force, check_ending
from gan.devices import usable_device
from gan.errors import GanError
from gan.files import write_bytes

if TYPE_CHECKING:
    from gan.bundle import TrainedGenerator
    from gan.data.sources import LoadedImages
    from gan.metrics.quality import Quality

SAMPLE_NOTE = (
    "which is of the test images: precision … coverage compare it with images that it was trained on, "
    "and copies of those do not count as copied"
)
KINDS = ("classifier", "labeller", "autoencoder")

metrics = typer.Typer(name="metrics", help="The instruments that `gan evaluate` measures with.", no_args_is_help=True)

Root = Annotated[Path, typer.Option(envvar="GAN_DATA", help="Folder of the data sets, in torchvision's layout.")]


def evaluate(
    sources: Annotated[list[Path], typer.Argument(metavar="RUN_OR_BUNDLE…", help="Run folders, or bundles.")],
    data: Annotated[str, typer.Option(help="Real images to compare with. By default those it was trained on.")] = "",
    n: Annotated[int, typer.Option("--n", min=1, help="Images to measure; numbers of different n do not compare.")] = (
        10_000
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of the latents; the same seed gives the same numbers.")] = 0,
    kid_subset: Annotated[int, typer.Option(min=2, help="Images in each subset of KID; at most n.")] = 1000,
    root: Root = Path("data"),
    classifier: Annotated[Path | None, typer.Option(help="An extractor's file, instead of the shipped one.")] = None,
    labeller: Annotated[Path | None, typer.Option(help="The same for the one that tells classes.")] = None,
    autoencoder: Annotated[Path | None, typer.Option(help="The same for the one that saw no labels.")] = None,
    cas: Annotated[
        bool,
        typer.Option(
            "--cas", help="Of conditional ones also CAS: a classifier trained on 60,000 images, judged on real ones."
        ),
    ] = False,
    nearest: Annotated[
        Path | None,
        typer.Option(help="FILE.png: the images that are most like training images, and those. Of one generator."),
    ] = None,
    fid: Annotated[
        bool, typer.Option("--fid", help="Also FID, in Inception's features: pip install -e '.[fid]', and its weights.")
    ] = False,
    force: Force = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of the table.")] = False,
) -> None:
    """Measure how good a trained generator's images are: one row per run, and quality.json beside each bundle.

    The numbers are also put into the bundle itself. The first call for a data set takes ten seconds longer: what it
    computes of the real images is kept in ~/.cache/gan (or $XDG_CACHE_HOME/gan).
    """
    import torch

    from gan.bundle import load_generator
    from gan.metrics.cache import digest
    from gan.metrics.copies import picture_of_nearest
    from gan.metrics.extractors import load_extractor, read_extractor
    from gan.metrics.quality import evaluate as measure_generator
    from gan.metrics.reference import SHOWN, Reference
    from gan.metrics.report import table

    usable_device(device)
    if nearest is not None:
        _check_nearest(nearest, sources, force)
    own = {
        kind: read_extractor(path) if path else None
        for kind, path in zip(KINDS, (classifier, labeller, autoencoder), strict=True)
    }
    references: dict[tuple[str, int], Reference] = {}
    found: list[tuple[str, Quality]] = []
    results: list[dict[str, Any]] = []
    bundles = [(source, load_generator(source)) for source in sources]  # a mistake in any of them is told at once
    for source, generator in bundles:
        if generator.points:
            results.append(_measure_points(source, generator, n=n, seed=seed, quiet=as_json))
            continue
        name = data.removeprefix("stacked_") or _trained_on(source, generator.metadata)
        key = (name, generator.image_shape[0])
        if key not in references:
            shipped = {kind: own[kind] or load_extractor(key[0], kind) for kind in KINDS}  # before the images are read
            loaded = _real_images(key[0], root, strict=bool(data))
            references[key] = Reference(loaded, channels=key[1], device=device, **shipped)
            print(f"real images: {loaded.origin}", file=sys.stderr)
        if _data_name(generator.metadata).endswith("_sample") and not references[key].name.endswith("_sample"):
            print(f"{source}: trained on the bundled sample, {SAMPLE_NOTE}", file=sys.stderr)
        if cas and not generator.metadata.get("num_classes"):
            print(f"{source}: trained without classes, so there is no CAS", file=sys.stderr)
        quality = measure_generator(
            generator.to(device), references[key], n=n, seed=seed, kid_subset=kid_subset, train_on_them=cas
        )
        if fid:
            images = torch.as_tensor(generator.sample(n, seed=seed, labels=_in_turn(generator, n)))
            quality = replace(quality, fid=references[key].inception_distance(images, device))
        if nearest is not None:
            images = torch.as_tensor(generator.sample(SHOWN, seed=seed, labels=_in_turn(generator, SHOWN)))
            write_bytes(nearest, picture_of_nearest(images, references[key]))
        found.append((str(source), quality))
        results.append(
            {
                "weights_sha256": digest(*generator.generator.cpu().state_dict().values()),
                "seed": seed,
                "device": device,
                "torch": torch.__version__,
                "quality": quality.to_dict(),
            }
        )
        _write(source, results[-1])
    if as_json:
        print(json.dumps([{"source": str(source), **result} for source, result in zip(sources, results, strict=True)]))
    elif found:
        print(table(found, _by_seed(sources, found)))


@metrics.callback()
def instruments() -> None:
    """The instruments that `gan evaluate` measures with."""


@metrics.command("train-extractor")
def train_extractor(
    out: Annotated[Path, typer.Option(help="Where to write it: FILE.safetensors.")],
    data: Annotated[str, typer.Option(help="The set to train on: mnist, fashion, kmnist, …")] = "mnist",
    kind: Annotated[str, typer.Option(help="classifier, labeller or autoencoder: docs/measures.md.")] = "classifier",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights, the order and the augmentation.")] = 0,
    root: Root = Path("data"),
) -> None:
    """Train the network that images are compared with: a few minutes on two cores."""
    from gan.data.sources import load
    from gan.errors import unknown_name
    from gan.metrics.training import make_extractor

    if kind not in KINDS:
        raise GanError(unknown_name("--kind", kind, KINDS))
    if out.suffix != ".safetensors":
        raise GanError(f"--out: {out} given; a file name that ends in .safetensors expected")
    loaded = load(data, root, download=False, on_missing="error")
    print(loaded.origin)
    command = f"gan metrics train-extractor --data {data} --kind {kind} --epochs {epochs} --seed {seed}"
    extractor = make_extractor(out, kind, loaded, epochs=epochs, seed=seed, command=command)
    of_test = extractor.metadata["test"]
    judged = f"test error {of_test:.4f} (rms of a pixel)" if kind == "autoencoder" else f"test accuracy {of_test:.2%}"
    print(f"{judged}, {out.stat().st_size / 1e6:.2f} MB, sha256 {extractor.sha256}: {out}")


@metrics.command()
def calibrate(
    data: Annotated[str, typer.Option(help="A set that there are extractors for.")] = "mnist", root: Root = Path("data")
) -> None:
    """Measure real images that are made worse in known ways: what does a number mean? A minute on two cores."""
    from gan.data.sources import load
    from gan.metrics.calibration import made_worse
    from gan.metrics.quality import KID_SUBSET, measure
    from gan.metrics.reference import Reference
    from gan.metrics.report import table

    loaded = load(data, root, download=False, on_missing="error")
    reference = Reference(loaded)
    print(f"real images: {loaded.origin}", file=sys.stderr)
    found = []
    for what, images in made_worse(loaded).items():
        found.append((what, measure(images, reference, kid_subset=min(KID_SUBSET, len(images)))))
    print(table(found))


def _measure_points(source: Path, generator: "TrainedGenerator", *, n: int, seed: int, quiet: bool) -> dict[str, Any]:
    """How many modes of a world of points a generator has found, and how many of its points are any good."""
    import torch

    from gan.data.points import modes_covered
    from gan.data.registry import WORLDS
    from gan.metrics.cache import digest

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
    _write(source, result)
    return result


def _check_nearest(out: Path, sources: Sequence[Path], force: bool) -> None:
    """Raise GanError where --nearest would overwrite, or is asked of several generators at once."""
    check_ending(out, (".png",))
    if len(sources) > 1:
        raise GanError(f"--nearest: {len(sources)} generators given; one expected")
    if out.exists() and not force:
        raise GanError(f"--nearest: {out} exists and would change; give another name, or --force to overwrite")


def _in_turn(generator: "TrainedGenerator", n: int) -> list[int] | None:
    """All classes in turn, of a conditional generator: the labels of what is measured."""
    classes = int(generator.metadata.get("num_classes") or 0)
    return [number % classes for number in range(n)] if classes else None


def _by_seed(sources: Sequence[Path], found: Sequence[tuple[str, "Quality"]]) -> list[tuple[str, list["Quality"]]]:
    """Runs that differ in the seed alone, where there are several: what to call them, and their measures."""
    from gan.report.run_folders import is_run, read_run
    from gan.report.settings import by_seed

    measured = dict(found)
    runs = [read_run(source, str(source)) for source in sources if is_run(source) and str(source) in measured]
    groups = [[measured[run.name] for run in group] for group in by_seed(runs) if len(group) > 1]
    return [(f"({len(group)} seeds)", group) for group in groups]


def _trained_on(source: Path, metadata: Mapping[str, Any]) -> str:
    """The full set of what the bundle names as its data; of stacks, the set that is stacked."""
    name = _data_name(metadata)
    if not name:
        raise GanError(f"{source}: its bundle names no data set; give --data")
    return name.removeprefix("stacked_").removesuffix("_sample")


def _data_name(metadata: Mapping[str, Any]) -> str:
    return str((metadata.get("data") or {}).get("name") or "")


def _real_images(name: str, root: Path, *, strict: bool) -> "LoadedImages":
    from gan.data.sources import load

    return load(name, root, download=False, on_missing="error" if strict else "sample")


def _write(source: Path, result: dict[str, Any]) -> None:
    """quality.json beside the bundle, and the measures into its metadata; where that is not allowed, a line says so."""
    from gan.bundle import FILE_NAME, add_quality

    bundle = source / FILE_NAME if source.is_dir() else source
    path = bundle.with_name("quality.json" if bundle.name == FILE_NAME else f"{bundle.stem}.quality.json")
    try:
        write_bytes(path, (json.dumps(result, indent=2, sort_keys=True) + "\n").encode())
        add_quality(bundle, result)
    except OSError as error:
        print(f"{bundle.parent} cannot be written to ({error.strerror}): the numbers stand here alone", file=sys.stderr)
