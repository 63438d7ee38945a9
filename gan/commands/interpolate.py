"""`gan interpolate`: an interpolation of latents as an animation, a video, a strip or an array."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gan.commands.arguments import (
    AsJson,
    Device,
    Force,
    GrayR,
    Source,
    Trust,
    check_suffix,
    classes,
    parse_floats,
    parse_ints,
)
from gan.commands.files import npy, write_files
from gan.system.devices import usable_device
from gan.system.errors import GanError

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".gif", ".mp4", ".png", ".npy")
GIF_FPS = range(2, 26)  # browsers slow down a GIF with more; gan.generators.pictures.gif
SHOWN_SIDE = 160  # approximate side of a frame of an animation, in pixels

Value = TypeVar("Value")

OfClass = Annotated[
    str | None,
    typer.Option(
        "--class",
        "--labels",
        help="For a conditional generator: the name or number of a class, or a comma-separated list, one for each "
        "seed. The shorter list is repeated. By default all classes in turn.",
    ),
]
Loop = Annotated[
    bool, typer.Option("--loop", help="Return to the first image, so that a repeated animation has no jump.")
]
Out = Annotated[
    Path,
    typer.Option(
        help="FILE.gif; FILE.mp4 (needs ffmpeg); FILE.png: one row from each seed to the next; FILE.npy: "
        "uint8 (frames, C, H, W)."
    ),
]
Scale = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=64,
        help="Enlarge each pixel to N x N. By default 1 for PNG and NPY, else images of about 160 pixels a side.",
    ),
]


def interpolate(
    source: Source,
    seeds: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated seeds; each selects one latent vector. By default 0,1; with --truncation only 0."
        ),
    ] = None,
    of_class: OfClass = None,
    truncation: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated ψ, above 0 and at most 2, one for each seed: a factor on normal noise. The shorter "
            "list is repeated: with one seed, only ψ changes from frame to frame."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Frames from each seed to the next.")] = 30,
    method: Annotated[
        str | None, typer.Option(help="spherical or linear. By default spherical for a normal prior.")
    ] = None,
    loop: Loop = False,
    out: Out = Path("walk.gif"),
    fps: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Frames per second of FILE.gif (2 to 25) or FILE.mp4; by default 20."),
    ] = None,
    scale: Scale = None,
    gray_r: GrayR = False,
    device: Device = "cpu",
    as_json: AsJson = False,
    force: Force = False,
    trust: Trust = None,
) -> None:
    """Interpolate between images and between classes. The same call gives the same frames."""
    from gan.generators.bundle import load_generator
    from gan.generators.pictures import inverted

    check_suffix("--out", out, SUFFIXES)
    _check_fps(fps, out)
    generator = load_generator(source).to(usable_device(device))
    if generator.points:
        raise GanError(f"{source}: this generator generates 2-D points, not images: there is nothing to animate")
    asked = classes(of_class, generator.class_names)
    given = None if truncation is None else parse_floats("--truncation", truncation)
    anchors, labels, factors = _in_turn(
        parse_ints("--seeds", seeds if seeds is not None else "0,1" if given is None else "0"), asked, given
    )
    frames = generator.latent_walk(anchors, steps=steps, labels=labels, truncation=factors, method=method, loop=loop)
    frames = inverted(frames) if gray_r else frames
    rows = len(anchors) if loop else len(anchors) - 1
    write_files(out, {out: _content(out, frames, rows=rows, steps=steps, fps=fps or 20, scale=scale)}, force=force)
    if as_json:
        settings = {"seeds": anchors, "classes": labels, "truncation": factors, "loop": loop}
        print(json.dumps({"out": str(out), "frames": len(frames), **settings}))
    else:
        print(f"{len(frames)} frames, seeds {', '.join(map(str, anchors))}: {out}")


def _check_fps(fps: int | None, out: Path) -> None:
    suffix = out.suffix.lower()
    if fps is not None and suffix not in (".gif", ".mp4"):
        raise GanError(f"--fps: only an animation has frames per second, and --out is {out}; .gif or .mp4 expected")
    if fps is not None and fps not in GIF_FPS and suffix == ".gif":
        raise GanError(f"--fps: {fps} given; a GIF has {GIF_FPS[0]} to {GIF_FPS[-1]}; --out FILE.mp4 may have 1 to 100")


def _in_turn(
    seeds: list[int], asked: str | list[str] | None, truncation: list[float] | None
) -> tuple[list[int], str | list[str] | None, list[float] | None]:
    """Equally many seeds, classes and truncations, where several are given: shorter lists are repeated."""
    count = max(len(given) for given in (seeds, asked, truncation) if isinstance(given, list))
    labels = _repeated(asked, count) if isinstance(asked, list) else asked
    return _repeated(seeds, count), labels, None if truncation is None else _repeated(truncation, count)


def _repeated(values: "list[Value]", count: int) -> "list[Value]":
    return [values[index % len(values)] for index in range(count)]


def _content(out: Path, frames: "np.ndarray", *, rows: int, steps: int, fps: int, scale: int | None) -> bytes:
    from gan.generators.pictures import enlarged, gif, grid, mp4, png

    suffix = out.suffix.lower()
    if suffix == ".npy":
        return npy(enlarged(frames, scale or 1))
    if suffix == ".png":
        return png(grid(_strip(frames, rows, steps), columns=steps + 1, scale=scale or 1))
    shown = enlarged(frames, scale or max(1, round(SHOWN_SIDE / max(frames.shape[2:]))))
    return gif(list(shown), seconds=len(shown) / fps, hold=0.0) if suffix == ".gif" else mp4(shown, fps=fps)


def _strip(frames: "np.ndarray", rows: int, steps: int) -> "np.ndarray":
    """The frames row by row, (rows * (steps + 1), C, H, W); the last frame of a row is the first one of the next."""
    import numpy as np

    indices = [np.arange(row * steps, (row + 1) * steps + 1) % len(frames) for row in range(rows)]
    return frames[np.concatenate(indices)]
