"""The `gan` command: what one does with a trained generator."""

import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan.devices import usable_device
from gan.errors import GanError, unknown_name
from gan.metrics.commands import evaluate, metrics
from gan.options import options
from gan.report.commands import report

if TYPE_CHECKING:
    import numpy as np

FILE_ENDINGS = (".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".npz", ".pt", ".zip", ".mp4", ".pdf")

MOST_CLASS_COLUMNS = 32  # as `gan.callbacks.SampleGrids` has it
TRACEBACKS = "HYDRA_FULL_ERROR"  # the environment variable that asks train.py for the same
# Typer has no public name for the base of its mistakes, and it is click's or its own, by version.
UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="gan",
    help="Use a generator that `python train.py` has trained.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def commands(
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code a mistake is told from.")] = False,
) -> None:
    """Use a generator that `python train.py` has trained."""
    if debug:
        os.environ[TRACEBACKS] = "1"


@app.command()
def sample(
    source: Annotated[Path, typer.Argument(help="A run folder, or a generator.safetensors.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="FILE.png: one grid. FILE.npy: uint8 (N, C, H, W). Anything else: a folder, one PNG each. "
            "By default samples.png. Points of the plane: a scatter picture, or float32 (N, 2, 1, 1)."
        ),
    ] = None,
    n: Annotated[int | None, typer.Option("--n", min=1, help="How many images; 64 by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")] = 0,
    of_class: Annotated[
        str | None,
        typer.Option(
            "--class",
            "--labels",
            help="What a conditional generator draws: a class's name or number, or several with commas, taken in turn. "
            "By default all classes in turn, in a grid one column each.",
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(help="Multiplies normal latents, above 0 up to 1: likelier images, fewer different ones."),
    ] = None,
    layout: Annotated[str | None, typer.Option("--grid", help="ROWSxCOLUMNS of FILE.png, such as 4x10.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    gray_r: Annotated[bool, typer.Option("--gray-r", help="Dark on white, as matplotlib's gray_r.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Images made at a time: bounds the memory.")] = 1000,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Draw images from a trained generator. The same call again gives the same bytes."""
    from gan.bundle import load_generator

    out = out or Path("samples.png")
    columns, count = _columns_and_count(layout, n, out)
    generator = load_generator(source).to(usable_device(device))
    labels = _classes(of_class, generator.class_names)
    if generator.points:
        _check_points(out, gray_r=gray_r, layout=layout)
    elif columns is None and labels is None and 1 < generator.num_classes <= MOST_CLASS_COLUMNS:
        columns = generator.num_classes
    images = generator.sample(count, seed=seed, labels=labels, batch_size=batch_size, truncation=truncation)
    _write(out, images, columns=columns, dark_on_white=gray_r, force=force)
    of = f" of class {of_class}" if of_class else ""
    print(f"{count} {'points' if generator.points else 'images'}{of}, seed {seed}: {out}")


def _columns_and_count(layout: str | None, n: int | None, out: Path) -> tuple[int | None, int]:
    """Columns of the grid (None: not said), and how many images."""
    if layout is None:
        return None, 64 if n is None else n
    parts = re.fullmatch(r"([1-9]\d{0,3})[x×]([1-9]\d{0,3})", layout)
    if parts is None:
        raise GanError(f"--grid: {layout!r} given; rows x columns expected, such as 4x10")
    rows, columns = int(parts[1]), int(parts[2])
    if n not in (None, rows * columns):
        raise GanError(f"--grid: {layout} has {rows * columns} images, and --n is {n}; leave one of them out")
    if out.suffix.lower() != ".png":
        raise GanError(f"--grid: a grid is a picture, and --out is {out}; a name that ends in .png expected")
    return columns, rows * columns


def _classes(given: str | None, names: Sequence[str]) -> str | list[str] | None:
    """What --class means: one class, also if there is a comma in its name, or several."""
    if given is None or given in names or "," not in given:
        return given
    return [part.strip() for part in given.split(",")]


def _check_points(out: Path, *, gray_r: bool, layout: str | None) -> None:
    if gray_r or layout is not None:
        given = "--gray-r" if gray_r else "--grid"
        raise GanError(f"{given}: this generator makes points of the plane, not images")
    if out.suffix.lower() not in (".png", ".npy"):
        raise GanError(
            f"--out: {out}: points of the plane are written to one file, .png (a picture) or .npy (an array)"
        )


def _write(out: Path, images: "np.ndarray", *, columns: int | None, dark_on_white: bool, force: bool) -> None:
    """Write a grid, an array or a folder, by the ending of ``out``; what is there and differs is kept without force."""
    from gan.files import write_bytes

    files = _contents(out, images, columns, dark_on_white)
    try:
        differing = [path for path, content in files.items() if path.exists() and path.read_bytes() != content]
        if differing and not force:
            raise GanError(f"--out: {differing[0]} exists and would change; give another name, or --force to overwrite")
        for path, content in files.items():
            write_bytes(path, content)
    except OSError as error:
        raise GanError(f"--out: {out} cannot be written: {error.strerror}") from error


def _contents(out: Path, images: "np.ndarray", columns: int | None, dark_on_white: bool) -> dict[Path, bytes]:
    import io

    import numpy as np

    from gan.pictures import grid, inverted, png, scatter

    shown = inverted if dark_on_white else np.asarray
    if out.suffix.lower() == ".png":
        is_points = images.dtype == np.float32
        return {out: png(scatter(images) if is_points else shown(grid(images, columns=columns)))}
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


app.command()(evaluate)
app.command()(options)
app.command()(report)
app.add_typer(metrics)


def main() -> None:
    """The console script: a user's mistake is one message and exit code 2, and with --debug a traceback."""
    try:
        code = app(prog_name="gan", standalone_mode=False)
    except (GanError, UsageError) as error:
        if os.environ.get(TRACEBACKS) == "1":
            traceback.print_exception(error)
        else:
            print(error if isinstance(error, GanError) else _usage_message(error), file=sys.stderr)
        code = 2
    except typer.Abort:  # Ctrl-C, in typer's versions before 0.29
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _usage_message(error: Any) -> str:
    """One line for a command line that typer does not take: what is wrong, and the nearest valid name."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(error.format_message())  # the help; nothing where rich has printed it already
    context = error.ctx
    where = context.command_path if context else "gan"
    message = " ".join(str(error.format_message()).split())
    command = re.match(r"No such command '(.*?)'", message)
    if command is not None:
        return unknown_name(where, command[1], context.command.commands).replace("no such option", "no such command", 1)
    if hasattr(error, "possibilities"):  # of an option that does not exist
        options = [
            name for param in context.command.get_params(context) for name in param.opts if name.startswith("--")
        ]
        return unknown_name(where, error.option_name, options)
    return f"{where}: {message[:1].lower()}{message[1:].removesuffix('.')}; see {where} --help"
