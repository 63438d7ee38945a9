"""The part of a report about runs that are not ranked: failed, stopped early by a search, or never started."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gan.report.document import Block, Folded, Table, Text
from gan.report.measures import formatted
from gan.report.ranking import Ranking
from gan.report.tables import cell, labels
from gan.runs import file_names
from gan.runs.reading import Run, is_run, short_names
from gan.runs.series import IMAGES
from gan.runs.sweep_jobs import reason

MOST_OPEN = 12  # rows up to which a table is not collapsed
IN_WORDS = {"pruned": "stopped early by the search", "failed": "failed", "running": "running again"}


def never_begun(sources: Iterable[Path]) -> dict[str, str]:
    """Sweep jobs in these folders or below that failed before their run started: name -> reason."""
    failed = {path.parent for source in sources for path in source.rglob(file_names.FAILED)}
    folders = [folder for folder in sorted(failed) if not is_run(folder)]
    return {name: reason(folder) for name, folder in zip(short_names(folders), folders, strict=True)}


def unranked_blocks(ranking: Ranking, now: float) -> list[Block]:
    """A row for each unranked run: its progress, its last metric, and why it ended."""
    runs = ranking.unranked
    if not runs:
        return []
    states = [run.state(now) for run in runs]
    counted = ", ".join(f"{states.count(state)} {IN_WORDS.get(state, state)}" for state in dict.fromkeys(states))
    called = labels(ranking.all_runs)
    labelled = any(called[run.name] for run in runs)
    title = f"last {ranking.measure.title}" if ranking.measure is not None else ""
    head = ["run", *(["settings"] if labelled else []), "state", "images", *([title] if title else []), "why"]
    rows = []
    for run, state in zip(runs, states, strict=True):
        start = [run.name, *([called[run.name]] if labelled else []), state, formatted([run.count(IMAGES)], whole=True)]
        rows.append([*start, *([_reached(ranking, run)] if title else []), run.why or "-"])
    about = f"Not ranked: {counted}. These runs trained for a shorter time than the others."
    return _opened(about, f"Not ranked ({len(rows)})", Table(head, rows))


def never_begun_blocks(failed: Mapping[str, str]) -> list[Block]:
    """A row for each sweep job that failed before its run started."""
    if not failed:
        return []
    rows = [[name, " ".join(why.split())] for name, why in failed.items()]
    return _opened(f"Jobs that did not start: {len(rows)}.", f"Not started ({len(rows)})", Table(["job", "why"], rows))


def unreadable_blocks(unreadable: Mapping[str, str]) -> list[Block]:
    """A row for each run with a file that cannot be read."""
    if not unreadable:
        return []
    rows = [[name, why] for name, why in unreadable.items()]
    about = f"Runs that cannot be read, and are missing in the rest of this page: {len(rows)}."
    return _opened(about, f"Not readable ({len(rows)})", Table(["run", "why"], rows))


def _opened(about: str, title: str, table: Table) -> list[Block]:
    return [Text(about), table if len(table.rows) <= MOST_OPEN else Folded(title, [table])]


def _reached(ranking: Ranking, run: Run) -> str:
    """The ranking's metric when the run ended."""
    measure = ranking.measure
    return "-" if measure is None else cell(measure, [run])


def lines(ranking: Ranking, now: float, most: int) -> list[str]:
    """One line per unranked run for the terminal, at most ``most`` lines."""
    runs: Sequence[Run] = ranking.unranked
    shown = [f"  {run.state(now)}: {run.name}: {run.why or 'no reason was recorded'}" for run in runs[:most]]
    return [*shown, *([f"  … and {len(runs) - most} more"] if len(runs) > most else [])]
