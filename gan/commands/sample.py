"""`gan sample`: images of a trained generator as a grid, an array or a folder of files."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.commands.arguments import Device, Force, GrayR, Seed, Source, Trust, classes
from gan.commands.files import npy, write_files
from gan.system.devices import usable_device
from gan.system.errors import GanError, counted

if TYPE_CHECKING:
    import numpy as np


OTHER_SUFFIXES = (".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".npz", ".pt", ".zip", ".mp4", ".pdf")

WIDTH = 500  # pixels: smaller grids are enlarged by default, so that they can be seen on a screen
MOST_CLASS_COLUMNS = 32  # as `gan.callbacks.SampleGrids` has it


def sample(
    source: Source,
    out: Annotated[
        Path | None,
        typer.Option(
            help="FILE.png: one grid. FILE.npy: uint8 (N, C, H, W). Otherwise a folder with one PNG per image. "
            "By default samples.png. 2-D points: a scatter plot, or float32 (N, 2, 1, 1)."
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            min=1,
            help="Number of images. By default 64; for a grid of classes, rounded down to full rows.",
        ),
    ] = None,
    seed: Seed = 0,
    of_class: Annotated[
        str | None,
        typer.Option(
            "--class",
            "--labels",
            help="For a conditional generator: the name or number of a class, or a comma-separated list, used in turn. "
            "By default all classes; in a grid, each column is one class.",
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(help="Factor on normal latents, above 0 and up to 1: more typical images with less variety."),
    ] = None,
    layout: Annotated[str | None, typer.Option("--grid", help="ROWSxCOLUMNS of FILE.png, such as 4x10.")] = None,
    scale: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Enlarge each pixel of the grid to N x N; 1 for the exact pixels. By default a grid of less than 500 "
            "pixels across is enlarged to 500 or a little more.",
        ),
    ] = None,
    reject: Annotated[
        bool,
        typer.Option(
            "--reject",
            help="Rejection sampling: draw an image again if the run's discriminator recognises it as generated. "
            "Slower; needs the run's checkpoint, and its dataset to calibrate the discriminator.",
        ),
    ] = False,
    device: Device = "cpu",
    gray_r: GrayR = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Images generated at once; limits the memory. By default 1000, fewer for large images."
        ),
    ] = None,
    force: Force = False,
    trust: Trust = None,
) -> None:
    """Draw images from a trained generator. The same call gives the same bytes."""
    from gan.generators.bundle import load_generator

    out = out or Path("samples.png")
    if scale is not None and out.suffix.lower() != ".png":
        raise GanError(f"--scale: only a grid is enlarged, and --out is {out}; a name that ends in .png expected")
    columns, count = _columns_and_count(layout, n, out)
    generator = load_generator(source).to(usable_device(device))
    kept = ""
    if reject:
        from gan.training.rejection import with_rejection  # imports Lightning

        generator = rejecting = with_rejection(source, generator)
        kept = f", rejection sampling (about {rejecting.acceptance:.0%} kept)"
    labels = classes(of_class, generator.class_names)
    if generator.points:
        _check_points(out, gray_r=gray_r, layout=layout, scale=scale)
    elif columns is None and labels is None and 1 < generator.num_classes <= MOST_CLASS_COLUMNS:
        columns = generator.num_classes
        count -= count % columns if n is None and out.suffix.lower() == ".png" else 0
    images = generator.sample(count, seed=seed, labels=labels, batch_size=batch_size, truncation=truncation)
    files = _contents(out, images, columns, gray_r, scale)
    _check_no_others(out, files)
    write_files(out, files, force=force)
    of = f" of class {of_class}" if of_class else ""
    print(f"{counted(count, 'point' if generator.points else 'image')}{of}, seed {seed}{kept}: {out}")


def _columns_and_count(layout: str | None, n: int | None, out: Path) -> tuple[int | None, int]:
    """Columns of the grid (None if not given), and the number of images."""
    if layout is None:
        return None, 64 if n is None else n
    parts = re.fullmatch(r"([1-9]\d{0,3})[x×]([1-9]\d{0,3})", layout)
    if parts is None:
        raise GanError(f"--grid: {layout!r} given; rows x columns expected, such as 4x10, each from 1 to 9999")
    rows, columns = int(parts[1]), int(parts[2])
    if n not in (None, rows * columns):
        has = counted(rows * columns, "image")
        raise GanError(f"--grid: {layout} has {has}, and --n is {n}; leave one of them out")
    if out.suffix.lower() != ".png":
        raise GanError(f"--grid: a grid is a picture, and --out is {out}; a name that ends in .png expected")
    return columns, rows * columns


def _check_no_others(out: Path, files: Mapping[Path, bytes]) -> None:
    """Raise GanError if a folder has numbered images that this call does not write: they would look like its own."""
    others = {path for path in out.glob("*.png") if path.stem.isdecimal()} - set(files) if out not in files else set()
    if others:
        raise GanError(
            f"--out: {out} has {counted(len(others), 'image')} of another call, such as {min(others).name}, which "
            "would be mixed with these; give another folder"
        )


def _check_points(out: Path, *, gray_r: bool, layout: str | None, scale: int | None) -> None:
    if gray_r or layout is not None or scale is not None:
        given = "--gray-r" if gray_r else "--grid" if layout is not None else "--scale"
        raise GanError(f"{given}: this generator generates 2-D points, not images")
    if out.suffix.lower() not in (".png", ".npy"):
        raise GanError(f"--out: {out}: 2-D points are written to one file, .png (a picture) or .npy (an array)")


def _contents(
    out: Path, images: "np.ndarray", columns: int | None, dark_on_white: bool, scale: int | None
) -> dict[Path, bytes]:
    import numpy as np

    from gan.generators.pictures import enlarged, grid, inverted, png, scatter

    shown = inverted if dark_on_white else np.asarray
    if out.suffix.lower() == ".png":
        if images.dtype == np.float32:  # points
            return {out: png(scatter(images))}
        pixels = grid(images, columns=columns)
        return {out: png(shown(enlarged(pixels, scale or math.ceil(WIDTH / pixels.shape[2]))))}
    if out.suffix.lower() == ".npy":
        return {out: npy(shown(images))}
    if out.suffix.lower() in OTHER_SUFFIXES:
        raise GanError(
            f"--out: {out}: '{out.suffix}' given; .png (a grid), .npy (an array) or a folder's name expected"
        )
    digits = max(5, len(str(len(images) - 1)))
    return {out / f"{index:0{digits}d}.png": png(shown(image)) for index, image in enumerate(images)}
