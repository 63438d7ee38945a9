"""Options of commands that read real images."""

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

Root = Annotated[Path, typer.Option(envvar="GAN_DATA", help="Folder of the datasets, in torchvision's layout.")]

Pictures = Annotated[
    Path | None,
    typer.Option("--folder", help="Folder of your pictures, for --data folder. For a run, by default its folder."),
]

Split = Annotated[str | None, typer.Option(help="Split of EMNIST.")]
Fit = Annotated[str | None, typer.Option(help="For your pictures: crop or pad, as data.fit in training.")]
HeldOut = Annotated[
    str | None,
    typer.Option("--held-out", help="For your pictures: a fraction of them or another folder, as data.held_out."),
]
OnBroken = Annotated[str | None, typer.Option(help="For your pictures: error or skip, as data.on_broken.")]
ClassOrder = Annotated[str | None, typer.Option(help="For your pictures: natural or name, as data.class_order.")]


def given_settings(**settings: object) -> dict[str, Any]:
    """Those settings of `data` that were given as options."""
    given: dict[str, Any] = {name: str(value) for name, value in settings.items() if value is not None}
    with contextlib.suppress(KeyError, ValueError):
        given["held_out"] = float(given["held_out"])  # a fraction; else a folder
    return given
