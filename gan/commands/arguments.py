"""Arguments that several commands have, so that they are called and explained alike; and what classes they name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[Path, typer.Argument(help="A run folder, or a generator.safetensors.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")]
GrayR = Annotated[bool, typer.Option("--gray-r", help="Dark on white, as matplotlib's gray_r.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]


def classes(given: str | None, names: Sequence[str]) -> str | list[str] | None:
    """What --class means: one class, also if there is a comma in its name, or several."""
    if given is None or given in names or "," not in given:
        return given
    return [part.strip() for part in given.split(",")]
