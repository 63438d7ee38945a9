"""The tables of docs/results.md, and a grid of images of each recipe, from run folders.

    gan evaluate RUN…                            # first: writes quality.json into each
    python benchmarks/results.py RUN…  > table.md    # the grids go to docs/images/results/

One row for each recipe and data set; of several seeds the mean, and half the distance from the least to the greatest.
Below each table stands what it was measured with and what the runs ran on.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from gan import GanError, load_generator
from gan.generators.pictures import grid, png
from gan.report.measures import FCD, MEASURES, RunMeasure, decimals, formatted, mean
from gan.report.ranking import minutes
from gan.report.repeating import recipe
from gan.runs.reading import Run, find_runs
from gan.system.files import write_bytes

IMAGES = Path(__file__).parent.parent / "docs" / "images" / "results"
ROWS, COLUMNS = 4, 10
TITLES = ("FCD", "×floor", "AE ×floor", "precision", "recall", "coverage", "label acc.", "missing")
SHOWN = [measure for measure in MEASURES if measure.title in TITLES]


def main(folders: Sequence[str]) -> None:
    groups: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    for run in find_runs(map(Path, folders)):
        if not run.ended or FCD.of(run) is None:
            sys.exit(f"{run.folder}: a run that has ended and was measured expected; gan evaluate {run.folder}")
        groups[run.data][recipe(run)].append(run)
    for data, recipes in groups.items():
        ranked = sorted(recipes.values(), key=lambda runs: mean([FCD.of(run) for run in runs]) or 0)
        names = ["recipe", "seeds", "G updates", "images", "minutes", *(measure.title for measure in SHOWN)]
        print(f"{data}\n\n| {' | '.join(names)} |\n| {' | '.join('---' for _ in names)} |")
        for runs in ranked:
            print(row(runs))
            draw(runs[0])
        print(f"\n{facts([run for runs in ranked for run in runs])}\n")


def row(runs: Sequence[Run]) -> str:
    images = mean([run.count("images_seen") for run in runs]) or 0
    effort = [
        str(len({run.seed for run in runs})),
        with_half_range([run.count("g_updates") for run in runs], whole=True),
        f"{images / 1e6:.2f} M",
        f"{mean([minutes(run) for run in runs]):.1f}",
    ]
    return "| " + " | ".join([f"`{recipe(runs[0])}`", *effort, *(cell(measure, runs) for measure in SHOWN)]) + " |"


def cell(measure: RunMeasure, runs: Sequence[Run]) -> str:
    values = [measure.of(run) for run in runs]
    return "" if None in values else with_half_range(values, whole=measure.counts)


def with_half_range(values: Sequence[float | None], *, whole: bool = False) -> str:
    """The mean ± half the distance from the least to the greatest, which docs/results.md has."""
    known = [value for value in values if value is not None]
    if len(set(known)) < 2 and (whole or len(known) < 2):
        return formatted(known[:1], whole=whole)
    digits = decimals(mean(known) or 0, whole=whole)
    return f"{mean(known):,.{digits}f} ± {(max(known) - min(known)) / 2:.{digits}f}"


def facts(runs: Sequence[Run]) -> str:
    """The measuring instruments and where the runs ran, each different way once."""
    several = "; ".join

    def different(of: Callable[[Run], str]) -> Iterable[str]:
        return dict.fromkeys(map(of, runs))

    extractors = {f"{name} {sha[:16]}" for run in runs for name, sha in run.quality["extractors"].items()}
    lines = {
        "Measured": several(different(lambda run: f"{run.quality['n']:,} images against {run.quality['data']}")),
        "Extractors (sha256)": several(sorted(extractors)),
        "Machine": several(different(_machine)),
        "Versions": several(different(_versions)),
    }
    return "\n".join(f"- {name}: {text}" for name, text in lines.items())


def _machine(run: Run) -> str:
    machine = run.facts["machine"]
    return f"{machine['processor']}, {machine['device']}, {machine['system']}"


def _versions(run: Run) -> str:
    versions, git = run.facts["versions"], run.facts["git"] or {}
    commit = f"commit {git.get('commit', 'unknown')[:8]}{'' if git.get('clean') else ' with changes'}"
    return f"Python {versions['python']}, torch {versions['torch']}, lightning {versions['lightning']}, {commit}"


def draw(run: Run) -> None:
    """A grid of the recipe's images; of a conditional one each column is a class."""
    generator = load_generator(run.folder)
    name = recipe(run).replace(" ", "_").replace("=", "-").replace(".", "-")
    picture = grid(generator.sample(ROWS * COLUMNS, seed=0), columns=COLUMNS, scale=2)
    write_bytes(IMAGES / f"{name}-{run.data}.png", png(picture))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except GanError as error:
        sys.exit(str(error))
