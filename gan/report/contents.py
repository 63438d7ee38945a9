"""The contents of a report: builds a document from runs, section by section."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gan.report.charts import MOST_POINTS, charts, first_not_finite
from gan.report.document import Block, Command, Document, Folded, Gallery, Picture, Section, Table, Text
from gan.report.ranking import Ranking, rankings
from gan.report.repeating import command
from gan.report.sweep import sweep_section
from gan.report.tables import SPREAD, labels, origins, ranking_table, settings_blocks, single_runs
from gan.report.unranked import never_begun_blocks, unranked_blocks, unreadable_blocks
from gan.runs.reading import Run
from gan.runs.series import LOSSES, drawn_in
from gan.system import shell

MOST_GRIDS = 24
MOST_NOTES = 12


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
        Section("Ranking" if len(runs) > 1 else "Measures", blocks),
        Section("What differs" if len(runs) > 1 else "Settings", settings_blocks(in_order)),
        Section("Curves", [Text(_about_curves()), charts(ranked)]),
        *_grids(ranked),
        *(section for ranking in ranked if (section := sweep_section(ranking)) is not None),
        Section("To repeat them", [*_commands(in_order), *origins(in_order)]),
    ]
    return Document(_title(in_order, ranked), sections)


def _title(runs: Sequence[Run], ranked: Sequence[Ranking]) -> str:
    what = f"Run {runs[0].name}" if len(runs) == 1 else f"{len(runs)} runs"
    return f"{what} on {', '.join(ranking.data for ranking in ranked)}"


def _ranking_blocks(ranked: Sequence[Ranking], now: float) -> list[Block]:
    blocks: list[Block] = []
    if len(ranked) > 1:
        blocks.append(Text("The runs are of different data. Measures against different images are not compared."))
    for ranking in ranked:
        blocks.append(Text(_best(ranking)))
        if ranking.groups:
            blocks += [ranking_table(ranking, now), *single_runs(ranking, now)]
        if ranking.best is not None and len(ranking.groups) > 1 and (words := command(ranking.best[0])):
            blocks += [Text("The command that repeats the best run:"), Command(words)]
        blocks += unranked_blocks(ranking, now)
    if any(len(group) > 1 for ranking in ranked for group in ranking.groups):
        blocks.append(Text(SPREAD))
    notes = [note for ranking in ranked for note in _notes(ranking)]
    blocks += [Text(note) for note in notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        blocks.append(Folded(f"{len(notes) - MOST_NOTES} more notes", [Text(note) for note in notes[MOST_NOTES:]]))
    return blocks


def _best(ranking: Ranking) -> str:
    measure, best = ranking.measure, ranking.best
    if not ranking.groups:
        return f"{ranking.data}: no run has ended well."
    if measure is None or best is None:
        return f"{ranking.data}: no quality is measured."
    called = labels(ranking.all_runs)[best[0].name] or best[0].name
    value = measure.formatted([measure.of(run) for run in best])
    way = "lower" if measure.better < 0 else "higher"
    if len(ranking.groups) == 1:
        return f"{ranking.data}: {measure.title} {value} ({way} is better)."
    return f"{ranking.data}: {measure.title} {value} is the best, of {called} ({way} is better)."


def _notes(ranking: Ranking) -> list[str]:
    notes = [f"{run.name}: {alarm}" for run in ranking.all_runs for alarm in run.alarms]
    notes += [f"{run.name}: changed {change}" for run in ranking.all_runs for change in run.changes]
    unmeasured = [str(run.folder) for run in ranking.runs if not run.quality]
    if unmeasured:
        shown = shell.command("gan", "evaluate", *unmeasured[:MOST_NOTES])
        more = " …" if len(unmeasured) > MOST_NOTES else ""
        notes.append(f"{ranking.data}: {len(unmeasured)} of {len(ranking.runs)} not measured; {shown}{more}")
    ways = {_measured_with(run) for run in ranking.runs if run.quality}
    if len(ways) > 1:
        notes.append(f"{ranking.data}: not all runs were measured alike: {'; '.join(sorted(ways))}")
    return notes + [note for run in ranking.all_runs for note in first_not_finite(run, drawn_in(LOSSES))]


def _measured_with(run: Run) -> str:
    extractors = ", ".join(f"{name} {str(sha)[:8]}" for name, sha in run.extractors.items())
    return f"{run.quality.get('n')} images against {run.quality.get('data')}{' by ' if extractors else ''}{extractors}"


def _about_curves() -> str:
    return (
        "Against the real images that a run had seen: a point of train/… is the mean over the updates since the point "
        f"before. Of a curve with more than {MOST_POINTS:,} points (fewer where there are very many curves) the "
        "least and the greatest of each of equally wide bins are drawn, so that no peak is lost; the tables are of all."
    )


def _grids(ranked: Sequence[Ranking]) -> list[Section]:
    pictures: list[Picture] = []
    left_out = 0
    for ranking in ranked:
        runs, called = ranking.all_runs, labels(ranking.all_runs)
        real = next((real for run in runs if (real := run.picture(run.folder / "samples" / "real.png"))), None)
        grids = [(run, grid) for run in runs if (grid := run.newest_grid) is not None]
        if real is not None and grids:
            pictures.append(Picture(f"real-{ranking.data}", real, f"real {ranking.data}", pixels=True))
        for run, grid in grids[:MOST_GRIDS]:
            if (content := run.picture(grid)) is None:
                continue
            epoch = grid.stem.removeprefix("epoch_").lstrip("0") or "0"
            ended = "" if run.is_ranked else ", not ranked"
            caption = f"{run.name} {called[run.name]} (epoch {epoch}{ended})"
            pictures.append(Picture(f"samples-{run.name}", content, caption, pixels=True))
        left_out += max(0, len(grids) - MOST_GRIDS)
    if not pictures:
        return []
    note = "The same latents of each run, in eval mode, at its newest epoch; the best runs first."
    if left_out:
        note += f" {left_out} more runs have grids: of each data set the first {MOST_GRIDS} are shown."
    return [Section("Samples", [Gallery(pictures), Text(note)])]


def _commands(runs: Sequence[Run]) -> list[Block]:
    rows = [[run.name, command(run) or f"not known; its settings: {run.folder / 'config.yaml'}"] for run in runs]
    return [Folded(f"The command of each run ({len(rows)})", [Table(["run", "command"], rows)])]
