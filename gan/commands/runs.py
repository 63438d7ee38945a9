"""`gan runs`: the runs below a folder, one a row."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.commands.arguments import AsJson
from gan.system.errors import GanError, counted

if TYPE_CHECKING:
    from gan.report.listing import Column
    from gan.runs.reading import Run

PLACES = (Path("outputs"), Path("multirun"))  # where train.py puts runs
ALWAYS = ("run", "data", "images", "started", "state", "recipe")
JSON_ALONE = ("minutes", "ae_floor", "kid_1e3", "coverage")  # for these a terminal has no room


def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]…", help="Runs below these folders; by default below outputs and multirun."),
    ] = None,
    sort: Annotated[str, typer.Option(help="A column by name, as --json has it: fcd, images, state, …")] = "started",
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    condition: Annotated[
        list[str] | None,
        typer.Option("--filter", help="Such as state=finished, recipe~hinge or fcd<5; several: all of them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List runs: data, recipe, images seen, measures, state (finished, pruned, running, cut, failed)."""
    from gan.report.listing import chosen, columns, ordered, row

    known = columns(time.time())
    found = _found(folders or run_folders())
    shown = ordered(chosen(found, condition or [], known), sort, known, reverse=reverse)
    if as_json:
        print(json.dumps([row(run, known) for run in shown]))
    elif shown:
        print(_table(shown, [column for column in known.values() if _is_shown(column, shown)]))
        print(f"\n{_states(shown, known['state'])}")
    else:
        print(f"none of {counted(len(found), 'run')} is such")


def run_folders() -> list[Path]:
    """Where train.py has put runs, seen from here.

    Raises:
        GanError: nowhere.
    """
    there = [path for path in PLACES if path.is_dir()]
    if not there:
        raise GanError("there is no folder outputs or multirun here; give a folder with runs below it")
    return there


def _found(folders: "Sequence[Path]") -> "list[Run]":
    """A folder that cannot be read is told, and hides no other."""
    from gan.runs.reading import readable_runs

    found, unreadable = readable_runs(folders)
    for why in unreadable.values():
        print(why, file=sys.stderr)
    return found


def _is_shown(column: "Column", shown: "Sequence[Run]") -> bool:
    """Columns that always are, those that any run has something in, and the seed where it is not the same for all."""
    if column.name in (*ALWAYS, *JSON_ALONE):
        return column.name in ALWAYS
    values = {column.of(run) for run in shown}
    return len(values) > 1 if column.name == "seed" else values != {None}


def _table(shown: "Sequence[Run]", chosen: "Sequence[Column]") -> str:
    """As wide as it needs; on a terminal as wide as that, where the recipe, which is last, is cut off."""
    from gan.report.overview import aligned

    text = aligned([[column.title for column in chosen], *([column.cell(run) for column in chosen] for run in shown)])
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return "\n".join(line[:width] for line in text.splitlines())


def _states(shown: "Sequence[Run]", state: "Column") -> str:
    counted: dict[str, int] = {}
    for run in shown:
        counted[state.cell(run)] = counted.get(state.cell(run), 0) + 1
    return ", ".join(f"{count} {name}" for name, count in counted.items())
