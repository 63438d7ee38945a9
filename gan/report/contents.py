"""The contents of a report: builds a document from runs, section by section."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gan.report.charts import MOST_POINTS, charts, first_not_finite
from gan.report.document import Block, Command, Document, Folded, Section, Text
from gan.report.galleries import first_samples, samples_sections
from gan.report.ranking import Ranking, rankings
from gan.report.repeating import command
from gan.report.seeds import first_place, seed_blocks
from gan.report.settings import changes_of
from gan.report.sweep import sweep_section
from gan.report.tables import (
    IN_TRAINING,
    MARK,
    SPREAD,
    origins,
    ranking_table,
    rejection_table,
    settings_blocks,
    single_runs,
)
from gan.report.unranked import never_begun_blocks, unranked_blocks, unreadable_blocks
from gan.runs.reading import Run
from gan.runs.series import LOSSES, drawn_in
from gan.system import shell

MOST_NOTES = 12
SEVERAL = (
    "There are several rankings, because metrics can only be compared if the dataset, the number of images and the "
    "extractors are the same."
)


def document(
    runs: Sequence[Run],
    now: float,
    failed: Mapping[str, str] = MappingProxyType({}),
    unreadable: Mapping[str, str] = MappingProxyType({}),
) -> Document:
    """A report on these runs.

    Args:
        runs: one or more runs.
        now: time in seconds since 1970, to distinguish active from interrupted runs.
        failed: name -> reason, for sweep jobs that failed before their run began.
        unreadable: name -> reason, for runs with a file that cannot be read.
    """
    ranked = rankings(runs)
    in_order = [run for ranking in ranked for run in ranking.all_runs]
    blocks = [*_ranking_blocks(ranked, now), *never_begun_blocks(failed), *unreadable_blocks(unreadable)]
    sections = [
        Section("Ranking" if len(runs) > 1 else "Metrics", blocks),
        Section("What differs" if len(runs) > 1 else "Settings", settings_blocks(in_order)),
        Section("Curves", [Text(_about_curves()), charts(ranked)]),
        *samples_sections(ranked),
        *(section for ranking in ranked if (section := sweep_section(ranking)) is not None),
        Section("Repeat the runs", [*_commands(in_order), *origins(in_order)]),
    ]
    return Document(_title(in_order, ranked), sections)


def _title(runs: Sequence[Run], ranked: Sequence[Ranking]) -> str:
    what = f"Run {runs[0].name}" if len(runs) == 1 else f"{len(runs)} runs"
    return f"{what} on {', '.join(dict.fromkeys(ranking.data for ranking in ranked))}"


def _ranking_blocks(ranked: Sequence[Ranking], now: float) -> list[Block]:
    blocks: list[Block] = []
    if len(ranked) > 1:
        blocks.append(Text(SEVERAL))
    for ranking in ranked:
        blocks += [Text(first_place(ranking)), *first_samples(ranking), *_tables(ranking, now)]
        if ranking.best is not None and len(ranking.groups) > 1 and (words := command(ranking.best[0])):
            blocks += [Text("The command that repeats the first run of the ranking:"), Command(words)]
        blocks += [*_not_evaluated(ranking), *unranked_blocks(ranking, now)]
    if any(len(group) > 1 for ranking in ranked for group in ranking.groups):
        blocks.append(Text(SPREAD))
    notes = [note for ranking in ranked for note in _notes(ranking)]
    blocks += [Text(note) for note in notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        blocks.append(Folded(f"{len(notes) - MOST_NOTES} more notes", [Text(note) for note in notes[MOST_NOTES:]]))
    return blocks


def _tables(ranking: Ranking, now: float) -> list[Block]:
    if not ranking.groups:
        return []
    table = ranking_table(ranking, now)
    is_marked = any(cell.endswith(MARK) for row in table.rows for cell in row)
    return [
        table,
        *([Text(IN_TRAINING)] if is_marked else []),
        *seed_blocks(ranking),
        *single_runs(ranking, now),
        *rejection_table(ranking),
    ]


def _not_evaluated(ranking: Ranking) -> list[Block]:
    """The command that evaluates the runs without an evaluation: all of a folder if they are many."""
    folders = [run.folder for run in ranking.runs if not run.quality]
    if not folders:
        return []
    parents = {folder.parent for folder in folders}
    is_many = len(folders) > MOST_NOTES and len(parents) == 1
    words = map(str, parents if is_many else folders)
    text = f"{ranking.name}: {len(folders)} of {len(ranking.runs)} runs are not evaluated. To evaluate them, run:"
    return [Text(text), Command(shell.command("gan", "evaluate", *words))]


def _notes(ranking: Ranking) -> list[str]:
    notes = [f"{run.name}: {alarm}" for run in ranking.all_runs for alarm in run.alarms]
    notes += [f"{run.name}: changed {change}" for run in ranking.all_runs for change in changes_of(run)]
    return notes + [note for run in ranking.all_runs for note in first_not_finite(run, drawn_in(LOSSES))]


def _about_curves() -> str:
    return (
        "The horizontal axis is the number of real images that the run has seen. A point of train/… is the mean over "
        f"the updates since the previous point. If a curve has more than {MOST_POINTS:,} points (fewer if there are "
        "very many curves), the axis is divided into bins of equal width, and the minimum and the maximum of each bin "
        "are drawn, so that no peak is lost. The tables use all points."
    )


def _commands(runs: Sequence[Run]) -> list[Block]:
    blocks: list[Block] = []
    for run in runs:
        words = command(run)
        known = f"{run.name}:" if words else f"{run.name}: command not known; settings: {run.folder / 'config.yaml'}"
        blocks += [Text(known), *([Command(words)] if words else [])]
    return [Folded(f"The command of each run ({len(runs)})", blocks)]
