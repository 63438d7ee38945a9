"""`gan invert`: the latent of a given picture, and its image beside the picture."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.commands.arguments import AsJson, Device, Force, Source, check_ending, classes
from gan.commands.files import npy, write_files
from gan.devices import usable_device
from gan.errors import GanError

if TYPE_CHECKING:
    import numpy as np


def invert(
    source: Source,
    picture: Annotated[
        Path, typer.Argument(help="A picture file; it is made grey and resized as the generator's are.")
    ],
    of_class: Annotated[
        str | None,
        typer.Option(
            "--class", "--labels", help="Look among these classes: names or numbers with commas. By default all."
        ),
    ] = None,
    restarts: Annotated[int, typer.Option(min=1, max=256, help="Latents that are improved side by side.")] = 8,
    steps: Annotated[int, typer.Option(min=0, help="Steps of Adam.")] = 300,
    lr: Annotated[float, typer.Option(min=1e-6, max=10, help="Its learning rate at first; it falls to 0.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Of the latents that it starts from.")] = 0,
    gray_r: Annotated[
        bool, typer.Option("--gray-r", help="The picture is dark on white, the generator's are not.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="FILE.png: the picture and the image; FILE.npy beside it: the latent.")
    ] = Path("inverted.png"),
    scale: Annotated[int, typer.Option(min=1, max=64, help="Each pixel becomes so many, squared, in the PNG.")] = 6,
    device: Device = "cpu",
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Find the latent whose image is nearest to a picture: what can the generator make, and what not?"""
    import numpy as np

    from gan.bundle import load_generator
    from gan.inversion import CANDIDATES
    from gan.inversion import invert as find
    from gan.pictures import grid, inverted, png

    check_ending(out, (".png",))
    generator = load_generator(source).to(usable_device(device))
    wanted = _read(picture, generator.image_shape)
    wanted = inverted(wanted) if gray_r else wanted
    asked = classes(of_class, generator.class_names)
    found = find(generator, wanted, labels=asked, restarts=restarts, steps=steps, lr=lr, seed=seed)
    latent = out.with_suffix(".npy")
    pair = np.stack([wanted, found.image])
    write_files(out, {out: png(grid(pair, scale=scale)), latent: npy(found.z.numpy())}, force=force)
    named = None if found.label is None else (generator.class_names or range(generator.num_classes))[found.label]
    if as_json:
        told = {"out": str(out), "z": str(latent), "error": found.error, "class": named, "errors": found.errors}
        print(json.dumps({**told, "error_of_nearest": found.error_of_nearest}))
        return
    print(f"error {found.error:.4f} (rms of a pixel, 0 … 1); restarts: {found.errors[0]:.4f} … {found.errors[-1]:.4f}")
    print(f"the nearest of {CANDIDATES:,} random images: {found.error_of_nearest:.4f}")
    print(f"{f'class {named}; ' if named is not None else ''}picture and image: {out}; latent: {latent}")


def _read(path: Path, image_shape: tuple[int, int, int]) -> "np.ndarray":
    """uint8 (C, H, W)."""
    from gan.data.picture_files import PictureFault, read_pixels

    try:
        return read_pixels(path, *image_shape)
    except PictureFault as fault:
        raise GanError(f"{path}: {fault}") from None
