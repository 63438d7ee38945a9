"""`gan show`: a page about one run in the terminal."""

import os
import shutil
import sys
import time
from typing import Annotated

import typer

from gan.commands.arguments import AsJson, OneRun
from gan.system.errors import GanError, unknown_name

COLOURS = ("auto", "always", "never")


def show(
    run: OneRun,
    colour: Annotated[
        str,
        typer.Option(
            "--colour", "--color", help="Images in colour: auto (on a terminal with 24-bit colours), always, never."
        ),
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Show a run: settings, metrics, curves, and newest images."""
    from gan.report.listing import columns, row
    from gan.report.one_run import as_json as run_as_json
    from gan.report.one_run import page
    from gan.runs.reading import read_run

    if colour not in COLOURS:
        raise GanError(unknown_name("--colour", colour, COLOURS))
    if not run.exists():
        raise GanError(f"{run}: there is no such folder; give a run folder: gan runs lists them")
    found = read_run(run)
    known = columns(time.time())
    if as_json:
        print(run_as_json(found, row(found, known)))
    else:
        print(page(found, known, width=shutil.get_terminal_size((80, 24)).columns, colour=_in_colour(colour)))


def _in_colour(asked: str) -> bool:
    """Whether to use colours; COLORTERM and NO_COLOR (https://no-color.org) are environment variables of terminals."""
    has = sys.stdout.isatty() and os.environ.get("COLORTERM") in ("truecolor", "24bit") and "NO_COLOR" not in os.environ
    return asked == "always" or (asked == "auto" and has)
