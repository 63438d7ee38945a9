"""Arguments of several commands, and their parsing."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gan.system import trust
from gan.system.errors import GanError


def one_run(given: Path) -> Path:
    """A callback of an argument: the folder that a path or the word latest names."""
    from gan.runs.latest import named_run  # lazy: --help must not wait for it

    return named_run(given)


def run_list(given: list[Path] | None) -> list[Path] | None:
    """A callback of an argument with several paths: each may be the word latest; each must exist.

    Raises:
        BundleError: a file or folder does not exist.
    """
    from gan.generators.bundle_path import check_exists

    if given is None:
        return None
    paths = [one_run(path) for path in given]
    for path in paths:
        check_exists(path)
    return paths


def _bundle(given: Path) -> Path:
    """A callback of an argument: the folder or file of a bundle, which must exist. Does not import torch."""
    from gan.generators.bundle_path import find

    source = one_run(given)
    find(source)
    return source


Source = Annotated[
    Path, typer.Argument(help="A run folder, latest, or a file generator.safetensors.", callback=_bundle)
]
OneRun = Annotated[Path, typer.Argument(help="A run folder, or latest.", callback=one_run)]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")]
GrayR = Annotated[bool, typer.Option("--gray-r", help="Invert the images: dark on white, like matplotlib's gray_r.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Trust = Annotated[
    list[str] | None,
    typer.Option(
        help="A package that the file or the run may import in addition to gan, lightning and torch, for your own "
        "class; can be given several times. The environment variable GAN_TRUST does the same.",
        callback=lambda packages: trust.add(packages or ()),
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite existing files.")]


def classes(given: str | None, names: Sequence[str]) -> str | list[str] | None:
    """The classes of --class: one class or several. A name may contain commas: the longest name that fits is taken."""
    if given is None or given in names or "," not in given:
        return given
    parts, found = given.split(","), []
    most = 1 + max((name.count(",") for name in names), default=0)
    while parts:
        joined = {count: ",".join(parts[:count]).strip() for count in range(min(most, len(parts)), 0, -1)}
        count = next((count for count, name in joined.items() if name in names), 1)
        found.append(joined[count])
        parts = parts[count:]
    return found


def parse_ints(option: str, given: str) -> list[int]:
    """Parse comma-separated integers, each 0 or more.

    Raises:
        GanError: the value is invalid.
    """
    parts = [part.strip() for part in given.split(",")]
    if not all(re.fullmatch(r"\d{1,18}", part, re.ASCII) for part in parts):
        raise GanError(f"{option}: {given!r} given; integers of 0 or more, separated by commas, expected")
    return [int(part) for part in parts]


def parse_floats(option: str, given: str) -> list[float]:
    """Parse comma-separated numbers of 0 or more, such as 0.4,1.2.

    Raises:
        GanError: the value is invalid.
    """
    parts = [part.strip() for part in given.split(",")]
    if not all(re.fullmatch(r"\d{1,9}(\.\d{1,9})?", part, re.ASCII) for part in parts):
        raise GanError(f"{option}: {given!r} given; numbers such as 0.4 with commas between them expected")
    return [float(part) for part in parts]


def check_suffix(option: str, out: Path, suffixes: Sequence[str]) -> None:
    """Raise GanError if the path of an option has none of these suffixes."""
    if out.suffix.lower() not in suffixes:
        *others, last = suffixes
        allowed = f"{', '.join(others)} or {last}" if others else last
        raise GanError(f"{option}: {out} given; a name that ends in {allowed} expected")
