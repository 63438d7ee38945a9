"""`gan runs`: a table of the runs below a folder."""

import collections
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.commands.arguments import AsJson, one_run
from gan.system.errors import GanError

if TYPE_CHECKING:
    from gan.report.listing import Column
    from gan.runs.reading import Run

FOLDERS = (Path("outputs"), Path("multirun"))  # of train.py
ALWAYS = ("run", "data", "images", "started", "state", "recipe")
JSON_ONLY = ("minutes", "ae_floor", "control_floor", "kid_1e3", "coverage")  # too wide for a terminal


def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folders with runs, or latest; by default outputs and multirun.",
            callback=lambda folders: folders and [one_run(folder) for folder in folders],
        ),
    ] = None,
    sort: Annotated[
        str, typer.Option(help="Column to sort by, with its name in --json: fcd, images, state, …")
    ] = "started",
    reverse: Annotated[bool, typer.Option("--reverse", help="Reverse the order.")] = False,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", help="A condition such as state=finished, recipe~hinge or fcd<5; runs must match all of them."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List runs with dataset, recipe, metrics and state.

    A run is finished, pruned, running, interrupted or failed.
    """
    from gan.report.listing import chosen, columns, ordered, row
    from gan.report.unranked import never_begun

    known = columns(time.time())
    sources = folders or run_folders()
    found = _found(sources)
    shown = ordered(chosen(found, condition or [], known), sort, known, reverse=reverse)
    if as_json:
        print(json.dumps([row(run, known) for run in shown]))
    elif shown:
        print(_table(shown, [column for column in known.values() if _is_shown(column, shown)]))
        print(f"\n{_states(shown, known['state'])}")
    else:
        print(f"No runs match the filter ({len(found)} checked)." if condition else "No runs found.")
    for name, why in never_begun(sources).items():
        print(f"not started: {name}: {why}", file=sys.stderr)


def run_folders() -> list[Path]:
    """The folders of train.py's runs in the working directory.

    Raises:
        GanError: there are none.
    """
    there = [path for path in FOLDERS if path.is_dir()]
    if not there:
        raise GanError("there is no folder outputs or multirun here; give a folder with runs below it")
    return there


def _found(folders: "Sequence[Path]") -> "list[Run]":
    """All readable runs; a message is printed for each folder that cannot be read."""
    from gan.runs.reading import readable_runs

    found, unreadable = readable_runs(folders)
    for why in unreadable.values():
        print(why, file=sys.stderr)
    return found


def _is_shown(column: "Column", shown: "Sequence[Run]") -> bool:
    """Whether to show a column: always, if a run has a value, or, for the seed, if it differs."""
    if column.name in (*ALWAYS, *JSON_ONLY):
        return column.name in ALWAYS
    values = {column.of(run) for run in shown}
    return len(values) > 1 if column.name == "seed" else values != {None}


def _table(shown: "Sequence[Run]", chosen: "Sequence[Column]") -> str:
    """The table; on a terminal, its lines are cut at the width, in the last column, the recipe."""
    from gan.report.overview import aligned

    text = aligned([[column.title for column in chosen], *([column.cell(run) for column in chosen] for run in shown)])
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return "\n".join(line[:width] for line in text.splitlines())


def _states(shown: "Sequence[Run]", state: "Column") -> str:
    counted = collections.Counter(state.cell(run) for run in shown)
    return ", ".join(f"{count} {name}" for name, count in counted.items())
