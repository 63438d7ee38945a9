"""`gan evaluate`: the quality of generated images."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.commands.arguments import Device, Force, Trust, check_suffix, run_list
from gan.commands.real_images import ClassOrder, Fit, HeldOut, OnBroken, Pictures, Root, Split, given_settings
from gan.system.devices import usable_device
from gan.system.errors import GanError
from gan.system.tensor_memory import keep_freed_memory

if TYPE_CHECKING:
    from torchmetrics import Metric

    from gan.generators.trained_generator import TrainedGenerator
    from gan.metrics.evaluating import Wanted
    from gan.metrics.evaluating_many import Evaluated
    from gan.metrics.quality import Quality
    from gan.metrics.real_sets import RealSets

Count = Annotated[
    int,
    typer.Option(
        "--n",
        min=1,
        help="Number of images, 65 or more (2-D points: 1 or more); results with different n are not comparable.",
    ),
]
Cas = Annotated[
    bool,
    typer.Option(
        "--cas",
        help="For conditional generators, also CAS: a classifier is trained on 60,000 generated images and tested on "
        "real ones.",
    ),
]
Nearest = Annotated[
    Path | None,
    typer.Option(help="FILE.png: generated images with their nearest training images. One generator only."),
]
Reject = Annotated[
    bool,
    typer.Option(
        "--reject", help="Measure images with rejection sampling (gan sample --reject); writes quality_rejection.json."
    ),
]
Fid = Annotated[
    bool,
    typer.Option("--fid", help="Also FID, with Inception features; needs pip install torch-fidelity and its weights."),
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
    held_out: HeldOut = None,
    on_broken: OnBroken = None,
    class_order: ClassOrder = None,
    n: Count = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the latents; the same seed gives the same numbers.")] = 0,
    kid_subset: Annotated[
        int | None, typer.Option(min=2, help="Images in each subset for KID, at most n; by default 1000, or n if less.")
    ] = None,
    root: Root = Path("data"),
    classifier: Annotated[
        Path | None, typer.Option(help="File of the classifier extractor, instead of the included one.")
    ] = None,
    labeller: Annotated[Path | None, typer.Option(help="File of the labeller, which predicts classes.")] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="File of the autoencoder extractor, which is trained without labels.")
    ] = None,
    control: Annotated[
        Path | None, typer.Option(help="File of the control extractor, which was not used to choose recipes.")
    ] = None,
    cas: Cas = False,
    nearest: Nearest = None,
    fid: Fid = False,
    reject: Reject = False,
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

    Prints one row per run, and writes quality.json beside each bundle. The numbers are also saved in the bundle. If
    quality.json has metrics of other images (--data, --n, --seed) for the same weights, it is kept without --force. The
    first call for a dataset takes ten seconds longer: the features of the real images are cached in ~/.cache/gan (or
    $XDG_CACHE_HOME/gan).

    For a folder of runs, all finished runs are evaluated. With several runs, runs that were evaluated with the same
    settings are skipped (--force evaluates them again). If one run fails, the others are still evaluated; the exit code
    is then 1.
    """
    keep_freed_memory()
    from gan.data.registry import FOLDER
    from gan.metrics.evaluating import Wanted
    from gan.metrics.evaluating_many import expand
    from gan.metrics.real_sets import RealSets
    from gan.metrics.report import table

    usable_device(device)
    expanded = expand(sources)
    if nearest is not None:
        _check_nearest(nearest, sources if len(sources) > 1 else list(expanded), force)
    if kid_subset is not None and kid_subset > n:
        raise GanError(f"--kid-subset: {kid_subset:,} given, and --n is {n:,}; at most as many expected")
    own = _own_metrics(metric or ())
    wanted = Wanted(n, seed, kid_subset, cas, fid, nearest, device, force, own, _sampler(reject))
    extractors = {"classifier": classifier, "labeller": labeller, "autoencoder": autoencoder, "control": control}
    reading = given_settings(
        folder=folder, split=split, fit=fit, held_out=held_out, on_broken=on_broken, class_order=class_order
    )
    real = RealSets(data or (FOLDER if folder else ""), root, extractors, device, reading)
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


def _sampler(reject: bool) -> "Callable[[Path, TrainedGenerator], TrainedGenerator] | None":
    if not reject:
        return None
    from gan.training.rejection import with_rejection  # imports Lightning

    return with_rejection


def _own_metrics(targets: Sequence[str]) -> "Mapping[str, Metric]":
    if not targets:
        return {}
    from gan.metrics.own_metrics import own_metrics  # imports torchmetrics: a second

    return own_metrics(targets)


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


def _check_nearest(out: Path, sources: Sequence[Path], force: bool) -> None:
    """Raise GanError if --nearest would overwrite a file, or is given for several generators."""
    check_suffix("--nearest", out, (".png",))
    if len(sources) > 1:
        raise GanError(f"--nearest: {len(sources)} generators given; one expected")
    if out.exists() and not force:
        raise GanError(f"--nearest: {out} exists with other content; give another name, or --force to overwrite")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise GanError(f"--nearest: {out} cannot be written: {folder} is not a folder in which you can write")


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
