"""`gan evaluate`, `gan metrics train-extractor` and `gan metrics calibrate`."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan.commands.arguments import Device, Force, Trust, check_suffix, run_list
from gan.system.devices import usable_device
from gan.system.errors import GanError

if TYPE_CHECKING:
    from gan.metrics.evaluating import RealSets, Wanted
    from gan.metrics.evaluating_many import Evaluated
    from gan.metrics.quality import Quality

KINDS = ("classifier", "labeller", "autoencoder", "control")

metrics = typer.Typer(name="metrics", help="The feature extractors of `gan evaluate`.", no_args_is_help=True)

Root = Annotated[Path, typer.Option(envvar="GAN_DATA", help="Folder of the datasets, in torchvision's layout.")]

Pictures = Annotated[
    Path | None,
    typer.Option("--folder", help="Folder of your pictures, for --data folder. By default the folder of the run."),
]

Split = Annotated[str | None, typer.Option(help="Split of EMNIST.")]
Fit = Annotated[str | None, typer.Option(help="For your pictures: crop or pad, as data.fit in training.")]
OnBroken = Annotated[str | None, typer.Option(help="For your pictures: error or skip, as data.on_broken.")]
ClassOrder = Annotated[str | None, typer.Option(help="For your pictures: natural or name, as data.class_order.")]

Count = Annotated[
    int, typer.Option("--n", min=1, help="Number of images; results with different n are not comparable.")
]
Cas = Annotated[
    bool,
    typer.Option(
        "--cas",
        help="For conditional generators also CAS: a classifier is trained on 60,000 images and tested on real ones.",
    ),
]
Nearest = Annotated[
    Path | None,
    typer.Option(help="FILE.png: the images most similar to training images, beside them. For one generator."),
]
Fid = Annotated[
    bool,
    typer.Option("--fid", help="Also FID, in Inception's features; needs pip install torch-fidelity and its weights."),
]


def evaluate(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_BUNDLE",
            help="Run folders, latest, bundles, or folders of runs such as multirun/DATE/TIME.",
            callback=run_list,
        ),
    ],
    data: Annotated[str, typer.Option(help="Dataset of the real images. By default the training data.")] = "",
    folder: Pictures = None,
    split: Split = None,
    fit: Fit = None,
    on_broken: OnBroken = None,
    class_order: ClassOrder = None,
    n: Count = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the latents; the same seed gives the same numbers.")] = 0,
    kid_subset: Annotated[int, typer.Option(min=2, help="Images in each subset for KID; at most n.")] = 1000,
    root: Root = Path("data"),
    classifier: Annotated[
        Path | None, typer.Option(help="File of the classifier extractor, instead of the included one.")
    ] = None,
    labeller: Annotated[Path | None, typer.Option(help="File of the labeller, which predicts classes.")] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="File of the autoencoder extractor, which is trained without labels.")
    ] = None,
    control: Annotated[
        Path | None, typer.Option(help="File of the control extractor, by which no recipe was chosen.")
    ] = None,
    cas: Cas = False,
    nearest: Nearest = None,
    fid: Fid = False,
    force: Force = False,
    device: Device = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Your own metric, such as mypkg.MyMetric: a torchmetrics.Metric of images."),
    ] = None,
    trust: Trust = None,
) -> None:
    """Measure the quality of generated images.

    Prints one row per run, and writes quality.json beside each bundle. The numbers are also saved in the bundle. The
    first call for a dataset takes ten seconds longer: the features of the real images are cached in ~/.cache/gan (or
    $XDG_CACHE_HOME/gan).

    Of a folder of runs, all finished runs are evaluated. With several runs, those with an evaluation by the same
    settings are skipped (--force evaluates them again), and an error in one run does not stop the others: the exit
    code is then 1.
    """
    from gan.data.registry import FOLDER
    from gan.metrics import evaluating
    from gan.metrics.evaluating_many import expand
    from gan.metrics.report import table

    usable_device(device)
    expanded = expand(sources)
    if nearest is not None:
        _check_nearest(nearest, sources if len(sources) > 1 else list(expanded), force)
    wanted = evaluating.Wanted(n, seed, kid_subset, cas, fid, nearest, device, _own_metrics(metric or ()))
    extractors = {"classifier": classifier, "labeller": labeller, "autoencoder": autoencoder, "control": control}
    reading = _given(folder=folder, split=split, fit=fit, on_broken=on_broken, class_order=class_order)
    real = evaluating.RealSets(data or (FOLDER if folder else ""), root, extractors, device, reading)
    done = _evaluate_all(expanded, real, wanted, again=force, quiet=as_json)
    found = [(str(each.source), each.quality) for each in done if each.quality is not None]
    failed = [each for each in done if each.failed]
    if as_json:
        results = [each.result or {"error": each.failed} for each in done]
        print(json.dumps([{"source": str(each.source), **one} for each, one in zip(done, results, strict=True)]))
    elif found:
        print(table(found, _by_seed([each.source for each in done], found)))
    messages = {each.failed for each in failed}
    if len(failed) == len(expanded) > 1 and len(messages) == 1:
        raise GanError(messages.pop())  # not a fault of a run, but of what was asked for
    if failed:
        print(f"{len(failed)} of {len(expanded)} failed:", file=sys.stderr)
        print("\n".join(f"  {each.source}: {each.failed}" for each in failed), file=sys.stderr)
        raise typer.Exit(1)


def _evaluate_all(
    sources: dict[Path, bool], real: "RealSets", wanted: "Wanted", *, again: bool, quiet: bool
) -> list["Evaluated"]:
    """Evaluate one generator, or several; an error is raised only if one alone was given by its own path."""
    from gan.generators.bundle import load_generator
    from gan.metrics.evaluating import measure
    from gan.metrics.evaluating_many import Evaluated, evaluate_many

    if list(sources.values()) != [False]:
        return list(evaluate_many(sources, real, wanted, again=again, quiet=quiet))
    (source,) = sources
    return [Evaluated(source, *measure(source, load_generator(source), real, wanted, quiet=quiet))]


@metrics.callback()
def instruments() -> None:
    """The feature extractors of `gan evaluate`."""


@metrics.command("train-extractor")
def train_extractor(
    out: Annotated[
        Path | None,
        typer.Option(help="FILE.safetensors. By default all four kinds, in the folder where gan evaluate finds them."),
    ] = None,
    data: Annotated[str, typer.Option(help="The training dataset: kmnist, cifar10, folder, …")] = "mnist",
    folder: Pictures = None,
    split: Split = None,
    fit: Fit = None,
    on_broken: OnBroken = None,
    class_order: ClassOrder = None,
    image_size: Annotated[int | None, typer.Option(help="For a folder: the size of the generator's images.")] = None,
    image_channels: Annotated[int | None, typer.Option(help="1 for grey, 3 for colour.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="classifier, labeller, autoencoder or control: docs/measures.md. By default all."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the weights, the order and the augmentation.")] = 0,
    root: Root = Path("data"),
) -> None:
    """Train feature extractors; minutes each on two cores."""
    from gan.data.sources import load
    from gan.metrics.extractors import WEIGHTS, extractor_name, own_folder, reading_options
    from gan.metrics.training import make_extractor, with_classes
    from gan.system.errors import unknown_name

    if kind is not None and kind not in KINDS:
        raise GanError(unknown_name("--kind", kind, KINDS))
    if out is not None and out.suffix != ".safetensors":
        raise GanError(f"--out: {out} given; a file name that ends in .safetensors expected")
    if out is not None and kind is None:
        kind = "classifier"
    data = "folder" if folder is not None and data == "mnist" else data
    reading = _given(folder=folder, split=split, fit=fit, on_broken=on_broken, class_order=class_order)
    form: dict[str, Any] = {"image_size": image_size, "image_channels": image_channels}
    loaded = load(data, root, download=False, on_missing="error", **form, **reading)
    name, loaded = extractor_name(loaded), with_classes(loaded)
    print(loaded.origin)
    if out is None and (WEIGHTS / f"{name}_classifier.safetensors").is_file():
        raise GanError(f"--out: {name} has its extractors in the package; to train others, give FILE.safetensors")
    options = {"--folder": folder, "--image-size": image_size, "--image-channels": image_channels}
    given = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    given += reading_options(reading)
    for one in KINDS if kind is None else [kind]:
        path = out or own_folder() / f"{name}_{one}.safetensors"
        arguments = ["gan", "metrics", "train-extractor", "--data", data, *given, "--kind", one]
        command = f"{shlex.join(arguments)} --epochs {epochs} --seed {seed}"
        extractor = make_extractor(path, one, loaded, name=name, epochs=epochs, seed=seed, command=command)
        of_test = extractor.metadata["test"]
        tested = (
            f"test error {of_test:.4f} (rms of a pixel)" if one == "autoencoder" else f"test accuracy {of_test:.2%}"
        )
        print(f"{tested}, {path.stat().st_size / 1e6:.2f} MB, sha256 {extractor.sha256}: {path}")


@metrics.command()
def calibrate(
    data: Annotated[str, typer.Option(help="A dataset with extractors.")] = "mnist", root: Root = Path("data")
) -> None:
    """Measure degraded real images, as a scale for the metrics.

    This takes a minute on two cores.
    """
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


def _own_metrics(targets: Sequence[str]) -> dict[str, Any]:
    """The metrics of --metric, by the name of the class."""
    if not targets:
        return {}
    from torchmetrics import Metric

    from gan.config.kinds import NotFound, find, is_a

    found = {}
    for target in targets:
        try:
            metric = find(target)
        except NotFound as error:
            raise GanError(f"--metric: {error}") from error
        if not is_a(metric, [Metric]):
            raise GanError(f"--metric: '{target}' given, a torchmetrics.Metric expected")
        try:
            found[target.rpartition(".")[2]] = metric()
        except Exception as error:
            raise GanError(f"--metric: {target}: {type(error).__name__}: {error}") from error
    return found


def _given(**settings: object) -> dict[str, Any]:
    """Those settings of `data` that were given as options."""
    return {name: str(value) for name, value in settings.items() if value is not None}


def _check_nearest(out: Path, sources: Sequence[Path], force: bool) -> None:
    """Raise GanError if --nearest would overwrite a file, or is given for several generators."""
    check_suffix(out, (".png",))
    if len(sources) > 1:
        raise GanError(f"--nearest: {len(sources)} generators given; one expected")
    if out.exists() and not force:
        raise GanError(f"--nearest: {out} exists and would change; give another name, or --force to overwrite")


def _by_seed(sources: Sequence[Path], found: Sequence[tuple[str, "Quality"]]) -> list[tuple[str, list["Quality"]]]:
    """Groups of runs that differ only in the seed: a name for each group, and its metrics."""
    from gan.report.settings import by_seed
    from gan.runs.reading import is_run, readable_runs

    measured = dict(found)
    given = [source for source in sources if is_run(source) and str(source) in measured]
    runs = readable_runs(given)[0] if given else []
    seeds = [{str(run.seed): measured[str(run.folder)] for run in group} for group in by_seed(runs)]
    groups = [list(group.values()) for group in seeds if len(group) > 1]
    return [(f"({len(group)} seeds)", group) for group in groups]
