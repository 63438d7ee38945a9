"""The `gan` command: what one does with a trained generator."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.errors import GanError

if TYPE_CHECKING:
    import numpy as np

DEVICES = ("cpu", "cuda", "mps", "xpu")
FILE_ENDINGS = (".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".npz", ".pt", ".zip", ".mp4", ".pdf")

app = typer.Typer(
    name="gan",
    help="Use a generator that `python train.py` has trained.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def commands() -> None:
    """Use a generator that `python train.py` has trained."""


@app.command()
def sample(
    source: Annotated[Path, typer.Argument(help="A run folder, or a generator.safetensors.")],
    out: Annotated[
        Path,
        typer.Option(help="FILE.png: one grid. FILE.npy: uint8 (N, C, H, W). Anything else: a folder, one PNG each."),
    ] = Path("samples.png"),
    n: Annotated[int, typer.Option("--n", min=1, help="How many images.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    gray_r: Annotated[bool, typer.Option("--gray-r", help="Dark on white, as matplotlib's gray_r.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Images made at a time: bounds the memory.")] = 1000,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Draw images from a trained generator. The same call again gives the same bytes."""
    from gan.bundle import load_generator

    generator = load_generator(source).to(_device(device))
    images = generator.sample(n, seed=seed, batch_size=batch_size)
    _write(out, images, dark_on_white=gray_r, force=force)
    print(f"{n} images, seed {seed}: {out}")


def _write(out: Path, images: "np.ndarray", *, dark_on_white: bool, force: bool) -> None:
    """Write a grid, an array or a folder, by the ending of ``out``; what is there and differs is kept without force."""
    from gan.files import write_bytes

    files = _contents(out, images, dark_on_white)
    try:
        differing = [path for path, content in files.items() if path.exists() and path.read_bytes() != content]
        if differing and not force:
            raise GanError(f"--out: {differing[0]} exists and would change; give another name, or --force to overwrite")
        for path, content in files.items():
            write_bytes(path, content)
    except OSError as error:
        raise GanError(f"--out: {out} cannot be written: {error.strerror}") from error


def _contents(out: Path, images: "np.ndarray", dark_on_white: bool) -> dict[Path, bytes]:
    import io

    import numpy as np

    from gan.pictures import grid, inverted, png

    shown = inverted if dark_on_white else np.asarray
    if out.suffix.lower() == ".png":
        return {out: png(shown(grid(images)))}
    if out.suffix.lower() == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, shown(images))
        return {out: buffer.getvalue()}
    if out.suffix.lower() in FILE_ENDINGS:
        raise GanError(
            f"--out: {out}: '{out.suffix}' given; .png (a grid), .npy (an array) or a folder's name expected"
        )
    digits = max(5, len(str(len(images) - 1)))
    return {out / f"{index:0{digits}d}.png": png(shown(image)) for index, image in enumerate(images)}


def _device(name: str) -> str:
    import torch

    try:
        if name.partition(":")[0] not in DEVICES:
            raise RuntimeError("not one of " + ", ".join(DEVICES))
        torch.ones(1, device=name).add(1).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:200]
        raise GanError(
            f"--device: {name!r} given, cpu or a device that this machine has expected ({reason})"
        ) from error
    return name


def main() -> None:
    """The console script: a user's mistake is one message and exit code 2."""
    try:
        app()
    except GanError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
