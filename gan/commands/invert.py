"""`gan invert`: the latents of given pictures, and their images beside the pictures."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan.commands.arguments import AsJson, Device, Force, Source, Trust, check_suffix, classes
from gan.commands.files import npy, write_files
from gan.system.devices import usable_device
from gan.system.errors import GanError

if TYPE_CHECKING:
    import numpy as np

    from gan.generators.inversion import Inversion
    from gan.generators.trained_generator import TrainedGenerator

PAIRS_IN_A_ROW = 4

Pictures = Annotated[
    list[Path],
    typer.Argument(help="Picture files; they are resized, and converted to grey if the generator's images are grey."),
]
OfClass = Annotated[
    str | None,
    typer.Option(
        "--class", "--labels", help="Comma-separated names or numbers of the classes to search. By default all."
    ),
]
GrayR = Annotated[
    bool, typer.Option("--gray-r", help="Invert pictures that are dark on white, if the generator's images are not.")
]
Out = Annotated[
    Path,
    typer.Option(help="FILE.png: each picture with the nearest image. The latents are written beside it, as FILE.npy."),
]


def invert(
    source: Source,
    pictures: Pictures,
    of_class: OfClass = None,
    restarts: Annotated[
        int, typer.Option(min=1, max=256, help="Number of latents that are optimised in parallel.")
    ] = 8,
    steps: Annotated[int, typer.Option(min=0, help="Steps of Adam.")] = 300,
    lr: Annotated[float, typer.Option(min=1e-6, max=10, help="Initial learning rate; it falls to 0.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the initial latents.")] = 0,
    gray_r: GrayR = False,
    out: Out = Path("inverted.png"),
    scale: Annotated[int, typer.Option(min=1, max=64, help="Enlarge each pixel to N x N in the PNG.")] = 4,
    device: Device = "cpu",
    as_json: AsJson = False,
    force: Force = False,
    trust: Trust = None,
) -> None:
    """Find the latent whose image is nearest to a picture."""
    import numpy as np

    from gan.generators.bundle import load_generator
    from gan.generators.inversion import invert as find
    from gan.generators.pictures import inverted

    check_suffix("--out", out, (".png",))
    generator = load_generator(source).to(usable_device(device))
    wanted = [_read(picture, generator.image_shape) for picture in pictures]
    wanted = [inverted(picture) for picture in wanted] if gray_r else wanted
    asked = classes(of_class, generator.class_names)
    found = [
        find(generator, picture, labels=asked, restarts=restarts, steps=steps, lr=lr, seed=seed) for picture in wanted
    ]
    latents = out.with_suffix(".npy")
    content = {out: _picture(wanted, found, scale), latents: npy(np.stack([one.z.numpy() for one in found]))}
    write_files(out, content, force=force)
    results = [_result(picture, one, generator) for picture, one in zip(pictures, found, strict=True)]
    if as_json:
        print(json.dumps({"out": str(out), "latents": str(latents), "seed": seed, "pictures": results}))
    else:
        _print(results)
        print(f"error: root mean square error of the pixels, in [0, 1]; seed {seed}: {out}; latents: {latents}")
        labels = f", labels=torch.tensor({[one.label for one in found]})" if generator.conditional else ""
        print(f"in Python: generator.decode(torch.tensor(numpy.load({str(latents)!r})){labels})")


def _picture(wanted: Sequence["np.ndarray"], found: Sequence["Inversion"], scale: int) -> bytes:
    """PNG with the nearest image beside each picture."""
    import numpy as np

    from gan.generators.pictures import grid, png

    pairs = np.stack([image for picture, one in zip(wanted, found, strict=True) for image in (picture, one.image)])
    return png(grid(pairs, columns=2 * PAIRS_IN_A_ROW, scale=scale))


def _result(picture: Path, found: "Inversion", generator: "TrainedGenerator") -> dict[str, Any]:
    """The printed result for one picture."""
    named = None if found.label is None else (generator.class_names or range(generator.num_classes))[found.label]
    return {
        "picture": str(picture),
        "error": found.error,
        "errors": found.errors,
        "error_of_nearest": found.error_of_nearest,
        "class": named,
        "label": found.label,
    }


def _print(results: Iterable[Mapping[str, Any]]) -> None:
    for one in results:
        of_its_class = "" if one["class"] is None else f", class {one['class']}"
        print(f"{one['picture']}: error {one['error']:.4f} (at the start {one['error_of_nearest']:.4f}){of_its_class}")


def _read(path: Path, image_shape: tuple[int, int, int]) -> "np.ndarray":
    """uint8 (C, H, W)."""
    from gan.data.picture_files import PictureFault, read_pixels

    if not path.is_file():
        raise GanError(f"{path}: there is no such file; a picture expected")
    try:
        return read_pixels(path, *image_shape)
    except PictureFault as fault:
        raise GanError(f"{path}: {fault}") from None
