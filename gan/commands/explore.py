"""`gan explore`: a picture with one latent direction per row."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan.commands.arguments import AsJson, Device, Force, GrayR, Seed, Source, Trust, check_suffix
from gan.commands.files import npy, write_files
from gan.system.devices import usable_device
from gan.system.errors import GanError, counted

if TYPE_CHECKING:
    from gan.generators.latent_directions import Row

Directions = Annotated[
    str,
    typer.Option(help="pca (principal directions of the first layer), random, or codes (InfoGAN's, or the clusters)."),
]
DIRECTIONS = 8  # without --count
Reach = Annotated[
    float | None,
    typer.Option(
        help="Maximum distance in both directions. By default 3 standard deviations (uniform noise: 1, codes: 2)."
    ),
]
OfClass = Annotated[
    str | None,
    typer.Option("--class", "--labels", help="For a conditional generator: a name or number. By default 0."),
]
Out = Annotated[Path, typer.Option(help="FILE.png, or FILE.npy: uint8 (rows, columns, C, H, W).")]


def explore(
    source: Source,
    directions: Directions = "pca",
    count: Annotated[int, typer.Option(min=1, max=256, help="Number of directions; all codes are shown.")] = DIRECTIONS,
    columns: Annotated[int, typer.Option(min=2, max=256, help="Images in a row.")] = 9,
    reach: Reach = None,
    seed: Seed = 0,
    of_class: OfClass = None,
    out: Out = Path("explore.png"),
    scale: Annotated[
        int | None, typer.Option(min=1, max=32, help="Enlarge each pixel of the PNG to N x N; by default 2.")
    ] = None,
    gray_r: GrayR = False,
    device: Device = "cpu",
    as_json: AsJson = False,
    force: Force = False,
    trust: Trust = None,
) -> None:
    """Show one latent direction per row, from the image of a seed."""
    from gan.generators.bundle import load_generator
    from gan.generators.class_labels import first_class
    from gan.generators.latent_directions import rows_from

    check_suffix("--out", out, (".png", ".npy"))
    if scale is not None and out.suffix.lower() != ".png":
        raise GanError(f"--scale: only a picture is enlarged, and --out is {out}; a name that ends in .png expected")
    generator = load_generator(source).to(usable_device(device))
    if generator.points:
        raise GanError(f"{source}: this generator generates 2-D points, not images: try gan sample")
    label = first_class(generator.class_names) if generator.conditional and of_class is None else of_class
    z = generator.latents(1, seed)[0]
    rows = rows_from(
        z, generator.generator, generator.prior, directions, count=count, columns=columns, reach=reach, seed=seed
    )
    images = [generator.decode(row.z, label) for row in rows]
    write_files(out, {out: _content(out, rows, images, scale=scale or 2, dark_on_white=gray_r)}, force=force)
    if as_json:
        shown = [{"name": row.name, "at": [round(position, 6) for position in row.positions]} for row in rows]
        print(json.dumps({"out": str(out), "seed": seed, "rows": shown}))
    else:
        for number, row in enumerate(rows, start=1):
            print(f"row {number}: {row.name}, {row.positions[0]:g} … {row.positions[-1]:g}")
        if count != DIRECTIONS and len(rows) < count:
            print(f"--count: {count} given; this generator has {counted(len(rows), 'direction')}", file=sys.stderr)
        print(f"seed {seed}: {out}")


def _content(out: Path, rows: "list[Row]", images: list[Any], *, scale: int, dark_on_white: bool) -> bytes:
    import numpy as np

    from gan.generators.pictures import inverted, labelled_rows, png

    if out.suffix.lower() == ".png":
        picture = labelled_rows({row.name: shown for row, shown in zip(rows, images, strict=True)}, scale=scale)
        return png(inverted(picture) if dark_on_white else picture)
    most = max(len(row) for row in images)  # rows of categorical codes have a column for each class
    padded = np.stack([np.pad(row, [(0, most - len(row)), *[(0, 0)] * 3]) for row in images])
    return npy(inverted(padded) if dark_on_white else padded)
