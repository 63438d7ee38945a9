"""The sample images of a report: the first configurations above the ranking, and a section with all runs."""

from collections.abc import Sequence

from gan.report.document import Block, Gallery, Picture, Section, Text
from gan.report.ranking import Ranking
from gan.report.tables import configuration_names, labels
from gan.runs import file_names
from gan.runs.reading import Run

MOST_GRIDS = 24
MOST_AT_THE_TOP = 5


def first_samples(ranking: Ranking) -> list[Block]:
    """Real images, and the newest samples of one run of each of the first configurations, shown above the ranking."""
    pictures = _at_the_top(ranking)
    if not pictures:
        return []
    real = _real(ranking)
    return [Gallery([*([real] if real is not None else []), *pictures], is_strip=True)]


def _at_the_top(ranking: Ranking) -> list[Picture]:
    named = list(zip(ranking.groups, configuration_names(ranking), strict=True))
    pictures = []
    for place, (group, name) in enumerate(named[:MOST_AT_THE_TOP], 1):
        run = group[len(group) // 2]  # sorted by the metric: not the best seed, which would flatter it
        number = f"{place}. " if len(named) > 1 else ""
        caption = f"{number}{name}" + (f", seed {run.seed}" if len(group) > 1 else "")
        if (picture := _newest(run, caption)) is not None:
            pictures.append(picture)
    return pictures


def samples_sections(ranked: Sequence[Ranking]) -> list[Section]:
    """A section with the newest samples of all runs; none if all of them are shown above the ranking."""
    pictures: list[Picture] = []
    left_out = at_the_top = with_grids = 0
    for ranking in ranked:
        runs, called = ranking.all_runs, labels(ranking.all_runs)
        grids = [run for run in runs if run.newest_grid is not None]
        real = _real(ranking)
        if real is not None and grids:
            pictures.append(real)
        for run in grids[:MOST_GRIDS]:
            ended = "" if run.is_ranked else ", not ranked"
            if (picture := _newest(run, f"{run.name} {called[run.name]}", ended)) is not None:
                pictures.append(picture)
        left_out += max(0, len(grids) - MOST_GRIDS)
        with_grids += len(grids)
        at_the_top += len(_at_the_top(ranking))
    if with_grids <= at_the_top:
        return []
    note = "Each run uses the same latent vectors in every epoch. The images are from its newest epoch."
    if left_out:
        note += f" {left_out} more runs have grids; for each dataset, only the first {MOST_GRIDS} are shown."
    return [Section("Samples", [Gallery(pictures), Text(note)])]


def _real(ranking: Ranking) -> Picture | None:
    found = (run.picture(run.folder / file_names.SAMPLES / "real.png") for run in ranking.all_runs)
    content = next((picture for picture in found if picture), None)
    return None if content is None else Picture(f"real-{ranking.data}", content, f"real {ranking.data}", pixels=True)


def _newest(run: Run, caption: str, more: str = "") -> Picture | None:
    grid = run.newest_grid
    content = None if grid is None else run.picture(grid)
    if grid is None or content is None:
        return None
    epoch = grid.stem.removeprefix("epoch_").lstrip("0") or "0"
    return Picture(f"samples-{run.name}", content, f"{caption} (epoch {epoch}{more})", pixels=True)
