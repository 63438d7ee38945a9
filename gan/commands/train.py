"""`gan train`: trains a GAN, as `python train.py` does in a checkout."""

import contextlib
import io
import sys
from typing import Annotated

import typer

from gan.system import process, shell

HELP = ("--help", "-h")


def train(
    words: Annotated[list[str] | None, typer.Argument(metavar="SETTING=VALUE", help="Settings and flags.")] = None,
) -> None:
    """Train a GAN; `gan train --help` explains the settings."""
    given = words or []
    sys.argv = [sys.argv[0] if process.is_of_gan() else process.GAN_TRAIN[0], *given]  # Hydra reads it
    from gan.launch.train import run

    if set(HELP).isdisjoint(given):
        raise typer.Exit(run())
    page = io.StringIO()
    try:
        with contextlib.redirect_stdout(page):
            raise typer.Exit(run())
    finally:  # Hydra ends the process after its page
        print(shell.as_started(page.getvalue()), end="")
