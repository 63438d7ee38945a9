"""`gan metrics train-extractor` and `gan metrics calibrate`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan.commands.arguments import Force
from gan.commands.real_images import ClassOrder, Fit, HeldOut, OnBroken, Pictures, Root, Split, given_settings
from gan.system.errors import GanError, unknown_name

if TYPE_CHECKING:
    from gan.metrics.extractors import Extractor

KINDS = ("classifier", "labeller", "autoencoder", "control")

metrics = typer.Typer(name="metrics", help="The feature extractors of `gan evaluate`.", no_args_is_help=True)


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
    held_out: HeldOut = None,
    on_broken: OnBroken = None,
    class_order: ClassOrder = None,
    image_size: Annotated[int | None, typer.Option(help="For a folder: the size of the generator's images.")] = None,
    image_channels: Annotated[int | None, typer.Option(help="1 for grey, 3 for colour.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="classifier, labeller, autoencoder or control: docs/measures.md. By default all (--out: classifier)."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the weights, the order and the augmentation.")] = 0,
    root: Root = Path("data"),
    force: Force = False,
) -> None:
    """Train feature extractors: two to five minutes each.

    Extractors that exist already are kept without --force.
    """
    from gan.data.registry import TOY_DISTRIBUTIONS
    from gan.data.sources import load
    from gan.metrics.extractors import WEIGHTS, extractor_name, own_folder, reading_options
    from gan.metrics.training import make_extractor, with_classes

    if kind is not None and kind not in KINDS:
        raise GanError(unknown_name("--kind", kind, KINDS))
    if out is not None and out.suffix != ".safetensors":
        raise GanError(f"--out: {out} given; a file name that ends in .safetensors expected")
    if out is not None and out.exists() and not force:
        raise GanError(f"--out: {out} exists; give another file, or --force to overwrite")
    if data in TOY_DISTRIBUTIONS:
        raise GanError(f"--data: {data} has 2-D points, which need no extractor; images expected")
    if out is not None and kind is None:
        kind = "classifier"
    data = "folder" if folder is not None and data == "mnist" else data
    reading = given_settings(
        folder=folder, split=split, fit=fit, held_out=held_out, on_broken=on_broken, class_order=class_order
    )
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
        if path.exists() and not force:
            print(f"{path} exists and is kept; --force trains it again")
            continue
        arguments = ["gan", "metrics", "train-extractor", "--data", data, *given, "--kind", one]
        command = f"{shlex.join(arguments)} --epochs {epochs} --seed {seed}"
        print(_described(make_extractor(path, one, loaded, name=name, epochs=epochs, seed=seed, command=command), path))


def _described(extractor: "Extractor", path: Path) -> str:
    """The line about a new extractor: its test result, size, hash and file."""
    test = extractor.metadata["test"]
    is_autoencoder = extractor.metadata["kind"] == "autoencoder"
    tested = f"test error {test:.4f} (rms of a pixel)" if is_autoencoder else f"test accuracy {test:.2%}"
    return f"{tested}, {path.stat().st_size / 1e6:.2f} MB, sha256 {extractor.sha256}: {path}"


@metrics.command()
def calibrate(
    data: Annotated[str, typer.Option(help="A dataset with extractors.")] = "mnist", root: Root = Path("data")
) -> None:
    """Measure degraded real images, as a scale for the metrics.

    This takes a minute on two cores.
    """
    from gan.data.registry import SOURCES
    from gan.data.sources import load
    from gan.metrics.calibration import made_worse
    from gan.metrics.quality import measure
    from gan.metrics.reference import Reference
    from gan.metrics.report import table

    if data not in SOURCES:
        raise GanError(unknown_name("--data", data, sorted(SOURCES)))
    loaded = load(data, root, download=False, on_missing="error")
    if loaded.images.shape[1] != 1:
        raise GanError(f"--data: {data} has images in colour; a dataset with grey images expected")
    reference = Reference(loaded)
    print(f"real images: {loaded.origin}", file=sys.stderr)
    found = []
    for what, images in made_worse(loaded).items():
        found.append((what, measure(images, reference)))
    print(table(found))
