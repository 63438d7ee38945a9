"""The published results: gan/report/published.json, and the tables of docs/results.md that are made from it.

    gan evaluate RUN…                     # first: writes quality.json into each
    python benchmarks/results.py RUN…     # adds these runs to published.json, and draws docs/images/results/
    python benchmarks/results.py          # only writes the tables of docs/results.md

One row for each recipe and data set; of several seeds the mean, and half the distance from the least to the greatest.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gan import GanError, load_generator
from gan.generators.pictures import grid, png
from gan.report import published
from gan.report.measures import FCD, MEASURES, RunMeasure, decimals, formatted, mean
from gan.report.published import Published, PublishedRun
from gan.runs.reading import Run, find_runs
from gan.system.files import write_bytes

DOCS = Path(__file__).parent.parent / "docs"
IMAGES = DOCS / "images" / "results"
PAGE = DOCS / "results.md"
BEGIN, END = "<!-- written by benchmarks/results.py: {} -->", "<!-- to here -->"
ROWS, COLUMNS = 4, 10
TITLES = ("FCD", "×floor", "AE ×floor", "control ×floor", "precision", "recall", "coverage", "label acc.", "missing")
SHOWN = [measure for measure in MEASURES if measure.title in TITLES]


def main(folders: Sequence[str]) -> None:
    rows = published.read()
    for run in find_runs(map(Path, folders)) if folders else ():
        add(rows, run)
    if folders:
        published.write(rows)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), rows.values()), encoding="utf-8")


def add(rows: dict[str, Published], run: Run) -> None:
    """Add a run to its row, in place of one with the same seed; draw the images of the first seed.

    Runs with other overrides are of an earlier version of the recipe: they are removed.
    """
    name, new, overrides = published.name_of(run), published.record(run), published.overrides_of(run)
    row = rows.get(name)
    if row is None or row.overrides != overrides:
        row = Published(name, overrides, [])
    runs = {each.seed: each for each in row.runs} | {new.seed: new}
    rows[name] = replace(row, runs=[runs[seed] for seed in sorted(runs)])
    if new.seed == min(runs):
        draw(run, name)
    print(f"{name}, seed {new.seed}: FCD {new.quality['fcd']:.3f}, {new.seconds / 60:.1f} min", file=sys.stderr)


def page(text: str, rows: Iterable[Published]) -> str:
    """The page with the table between each pair of markers written again."""
    known = list(rows)

    def written(found: re.Match[str]) -> str:
        of_data = [row for row in known if row.data.removesuffix("_sample") == found[1]]
        return f"{BEGIN.format(found[1])}\n{table(of_data)}\n{END}"

    return re.sub(f"{BEGIN.format('(.*?)')}.*?{END}", written, text, flags=re.DOTALL)


def table(rows: Sequence[Published]) -> str:
    ranked = sorted(rows, key=lambda row: mean([FCD.read(run.quality) for run in row.runs]) or 0)
    names = ["result", "seeds", "G updates", "images", "minutes", *(measure.title for measure in SHOWN)]
    head = f"| {' | '.join(names)} |\n| {' | '.join('---' for _ in names)} |"
    return "\n".join([head, *map(line, ranked), "", *facts([run for row in ranked for run in row.runs])])


def line(row: Published) -> str:
    effort = [
        str(len(row.runs)),
        with_half_range([run.g_updates for run in row.runs], whole=True),
        f"{(mean([run.images_seen for run in row.runs]) or 0) / 1e6:.2f} M",
        f"{(mean([run.seconds for run in row.runs]) or 0) / 60:.1f}",
    ]
    return "| " + " | ".join([f"`{row.name}`", *effort, *(cell(measure, row.runs) for measure in SHOWN)]) + " |"


def cell(measure: RunMeasure, runs: Sequence[PublishedRun]) -> str:
    values = [measure.read(run.quality) for run in runs]
    return "" if None in values else with_half_range(values, whole=measure.counts)


def with_half_range(values: Sequence[float | None], *, whole: bool = False) -> str:
    """The mean ± half the distance from the least to the greatest, which docs/results.md has."""
    known = [value for value in values if value is not None]
    if len(set(known)) < 2 and (whole or len(known) < 2):
        return formatted(known[:1], whole=whole)
    digits = decimals(mean(known) or 0, whole=whole)
    return f"{mean(known):,.{digits}f} ± {(max(known) - min(known)) / 2:.{digits}f}"


def facts(runs: Sequence[PublishedRun]) -> list[str]:
    """What the runs were measured with and where they ran, each different way once."""
    extractors = {f"{name} {sha[:16]}" for run in runs for name, sha in run.extractors.items()}
    ways: Mapping[str, Iterable[str]] = {
        "Measured": (f"{run.evaluation['n']:,} images against {run.evaluation['data']}" for run in runs),
        "Extractors (sha256)": sorted(extractors),
        "Machine": (f"{run.machine['processor']}, {run.machine['device']}, {run.machine['system']}" for run in runs),
        "Versions": map(versions, runs),
    }
    return [f"- {name}: {'; '.join(dict.fromkeys(texts))}" for name, texts in ways.items()]


def versions(run: PublishedRun) -> str:
    python, torch, lightning = (run.versions[name] for name in ("python", "torch", "lightning"))
    return f"Python {python}, torch {torch}, lightning {lightning}, commit {run.commit[:8]}"


def draw(run: Run, name: str) -> None:
    """A grid of the recipe's images; of a conditional one each column is a class."""
    picture = grid(load_generator(run.folder).sample(ROWS * COLUMNS, seed=0), columns=COLUMNS, scale=2)
    write_bytes(IMAGES / f"{name}.png", png(picture))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except GanError as error:
        sys.exit(str(error))
