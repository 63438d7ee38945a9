"""The published results: the runs behind the tables of docs/results.md, and the comparison of a repetition with them.

`published.json` has one entry for each row: its name, its overrides, and of each run the seed, the commit, the machine,
the versions, a hash of metrics.csv and of the generator, and the metrics. ``python benchmarks/results.py`` writes it.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gan.metrics.intervals import prediction_half_width
from gan.metrics.measures import MEASURES, Measure
from gan.report.repeating import recipe, run_overrides
from gan.runs import file_names
from gan.runs.reading import Run
from gan.runs.run_files import read_json
from gan.system.errors import GanError, unknown_name

FILE = Path(__file__).with_name("published.json")
NO_SETTINGS = ("seed=", "hydra.", "resume=")


@dataclass(frozen=True)
class PublishedRun:
    """One run of a published row.

    Attributes:
        seed: its seed.
        commit: of the repository.
        machine, versions: as in run.json.
        seconds: of the training. images_seen, g_updates: how far it trained.
        rows: sha256 of the rows of metrics.csv without times. weights: sha256 of the generator's weights.
        evaluation: ``n``, ``seed`` and ``data`` of its evaluation.
        extractors: name -> sha256.
        quality: the metrics, by their names in quality.json.
    """

    seed: int
    commit: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    seconds: float
    images_seen: int
    g_updates: int
    rows: str
    weights: str
    evaluation: Mapping[str, Any]
    extractors: Mapping[str, str]
    quality: Mapping[str, Any]


@dataclass(frozen=True)
class Published:
    """One row of a table: a recipe on a dataset.

    Attributes:
        name: for example "ten_minutes-mnist".
        overrides: of the command, without the seed.
        runs: one for each seed.
    """

    name: str
    overrides: Sequence[str]
    runs: Sequence[PublishedRun]

    @property
    def recipe(self) -> str:
        """The name without the dataset."""
        return self.name.rpartition("-")[0]

    @property
    def data(self) -> str:
        """The dataset that it was trained on."""
        return self.name.rpartition("-")[2]

    def of_seed(self, seed: int | None) -> PublishedRun:
        """The run with this seed; None: the first.

        Raises:
            GanError: no run with this seed was published.
        """
        found = [run for run in self.runs if seed in (None, run.seed)]
        if not found:
            seeds = ", ".join(str(run.seed) for run in self.runs)
            raise GanError(f"--seed: {seed} given; published seeds of '{self.name}': {seeds}")
        return found[0]


def read() -> dict[str, Published]:
    """All published rows by name."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        row["name"]: Published(row["name"], row["overrides"], [PublishedRun(**run) for run in row["runs"]])
        for row in rows
    }


def write(rows: Mapping[str, Published]) -> None:
    """Write the rows, sorted by name."""
    text = json.dumps([asdict(rows[name]) for name in sorted(rows)], indent=1, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")


def named(name: str) -> Published:
    """The row with this name.

    Raises:
        GanError: there is none.
    """
    rows = read()
    if name not in rows:
        raise GanError(unknown_name("--published", name, sorted(rows)))
    return rows[name]


def name_of(run: Run) -> str:
    """For example "ten_minutes-mnist"."""
    return f"{recipe(run).replace(' ', '_').replace('=', '-').replace('.', '-')}-{run.data}"


def overrides_of(run: Run) -> list[str]:
    """The overrides of a run's command without its seed and its folder."""
    return [word for word in (run_overrides(run) or []) if "=" in word and not word.startswith(NO_SETTINGS)]


def record(run: Run) -> PublishedRun:
    """What is published of a finished and evaluated run.

    Raises:
        GanError: it has not ended or was not evaluated, or its code is not a commit.
    """
    quality, git = run.quality, run.facts.get("git") or {}
    if not run.ended or not quality:
        raise GanError(f"{run.folder}: a finished and evaluated run expected: gan evaluate {run.folder}")
    if not git.get("clean"):
        raise GanError(f"{run.folder}: the code of this run had uncommitted changes, so the run cannot be repeated")
    rows, weights = numbers(run)
    return PublishedRun(
        seed=int(run.seed),
        commit=git["commit"],
        machine=run.facts["machine"],
        versions=run.facts["versions"],
        seconds=run.ended["seconds"],
        images_seen=run.ended["images_seen"],
        g_updates=run.ended["g_updates"],
        rows=rows,
        weights=weights,
        evaluation={"n": quality["n"], "seed": _evaluation(run)["seed"], "data": quality["data"]},
        extractors=quality["extractors"],
        quality={each.name: quality[each.name] for each in MEASURES if quality.get(each.name) is not None},
    )


def numbers(run: Run) -> tuple[str, str]:
    """sha256 of the rows of metrics.csv without times, and of the generator's weights."""
    from gan.runs.comparison import rows  # imports torch

    text = json.dumps(rows(run.folder), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), _evaluation(run)["weights_sha256"]


def _evaluation(run: Run) -> dict[str, Any]:
    return read_json(run.folder / file_names.QUALITY, dict)


def compare(published: Published, seed: int | None, run: Run) -> tuple[bool, list[str]]:
    """Whether a repetition confirms a published run, and the lines to print.

    It does if all numbers are the same, or if each metric is in the range in which 95 % of the runs with other seeds
    are expected. This range needs two published seeds or more.
    """
    before = published.of_seed(seed)
    if (before.rows, before.weights) == numbers(run):
        return True, ["Bit-identical to the published run: metrics.csv and the weights of the generator."]
    lines = ["The numbers differ from the published run. The metrics:"]
    shown = [each for each in MEASURES if each.compared and each.read(before.quality) is not None]
    outside, unknown = [], False
    for measure in shown:
        values = [value for each in published.runs if (value := measure.read(each.quality)) is not None]
        text, is_inside = _line(measure, values, measure.read(run.quality))
        lines.append(f"  {text}")
        unknown = unknown or is_inside is None
        outside += [measure.title] if is_inside is False else []
    if unknown:
        lines.append("Only one seed is published, so the variation between seeds is unknown.")
    elif outside:
        lines.append(f"Outside the range predicted from {len(published.runs)} seeds: {', '.join(outside)}.")
        lines.append(f"Each range has 95 % of the runs; with {len(shown)} metrics, one outside can be chance.")
    else:
        lines.append(f"All are within the range predicted from {len(published.runs)} seeds for 95 % of the runs.")
    return not unknown and not outside, lines


def _line(measure: Measure, published: Sequence[float], value: float | None) -> tuple[str, bool | None]:
    """One line, and whether the value is within the predicted range; None: unknown."""
    digits = max(measure.digits, 3)
    shown = "not measured" if value is None else f"{value:.{digits}f}"
    if len(published) < 2:
        return f"{measure.title}: {shown}; published {published[0]:.{digits}f}", None
    mean, half = sum(published) / len(published), prediction_half_width(published)
    low, high = mean - half, mean + half
    is_inside = value is not None and (low <= value <= high or math.isclose(value, mean))
    return f"{measure.title}: {shown}; {low:.{digits}f} to {high:.{digits}f} expected", is_inside
