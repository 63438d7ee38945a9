"""The tables of a report: ranking, single runs, settings, and origin (versions, machine, commit, data)."""

from collections.abc import Callable, Sequence

from gan.report.document import Block, Folded, Table, Text
from gan.report.measures import MEASURES, RunMeasure, by_seed_of, formatted, measured, training_samples
from gan.report.ranking import Ranking, minutes, speed
from gan.report.repeating import recipe, recipe_words
from gan.report.settings import (
    Differences,
    by_seed,
    changes_of,
    chosen_settings,
    differences,
    flat,
    label,
    settings_of,
    short,
)
from gan.runs.reading import Run
from gan.runs.run_files import node
from gan.runs.series import IMAGES, QUALITY

MOST_IN_LABEL, MOST_DIFFERENT = 4, 12  # with more different settings, labels use the words of the commands
MOST_OPEN = 40  # rows up to which a table with one row per run is not collapsed
STATES = ("finished", "running", "interrupted", "failed", "pruned")
SPREAD = (
    "Runs that differ only in the seed share a row: the mean ± half the width of its 95 % confidence interval (Student "
    "t). images/s is the median of the logged values; minutes include the time for drawing samples."
)
MARK = " †"
IN_TRAINING = (
    "† The last value measured during training, with fewer images. Do not compare it with values of gan evaluate: "
    "FCD is higher for fewer images."
)


def labels(runs: Sequence[Run]) -> dict[str, str]:
    """Run name -> short label of its settings, the same for all seeds; "" if no setting differs.

    A run whose settings changed while it trained is marked; the notes of the report have the changes.
    """
    differing = differences([settings_of(run) for run in runs])
    distinct = differing.distinct(chosen_settings(runs))
    if len(distinct) > MOST_IN_LABEL or len(differing.paths) > MOST_DIFFERENT:
        words = {run.name: recipe_words(run) for run in runs}
        shared = set.intersection(*map(set, words.values()))
        typed = {name: " ".join(word for word in own if word not in shared) for name, own in words.items()}
        if len(set(typed.values())) >= len(by_seed(runs)):
            return typed
    found = {run.name: label(values, distinct) for run, values in zip(runs, differing.values, strict=True)}
    changed = {run.name: "(changed)" for run in runs if changes_of(run)}
    return {name: " ".join(filter(None, (text, changed.get(name)))) for name, text in found.items()}


def configuration_names(ranking: Ranking) -> list[str]:
    """The settings of each group of the ranking that differ from the others; of a single one, its recipe."""
    called = labels(ranking.all_runs)
    return [called[group[0].name] or recipe(group[0]) or group[0].name for group in ranking.groups]


def ranking_table(ranking: Ranking, now: float) -> Table:
    """A row for each group of runs that differ only in the seed."""
    called = labels(ranking.all_runs)
    return _ranked(ranking, [(called[group[0].name], group) for group in ranking.groups], now)


def single_runs(ranking: Ranking, now: float) -> list[Block]:
    """The same with one row per run, if the ranking has groups of several runs."""
    if len(ranking.groups) == len(ranking.runs):
        return []
    called = labels(ranking.all_runs)
    table = _ranked(ranking, [(called[run.name], [run]) for run in ranking.runs], now)
    return [Folded("Each run by itself", [table])]


def rejection_table(ranking: Ranking) -> list[Block]:
    """The metrics of images with rejection sampling, of the runs that `gan evaluate --reject` has measured."""
    qualities = {run.name: node(run.with_rejection, "quality") for run in ranking.all_runs}
    found = {name: quality for name, quality in qualities.items() if quality}
    measures = [measure for measure in MEASURES if any(measure.read(quality) is not None for quality in found.values())]
    rows = [
        [name, *(measure.formatted([measure.read(quality)]) for measure in measures)] for name, quality in found.items()
    ]
    head = ["run, with rejection sampling (gan evaluate --reject)", *(measure.title for measure in measures)]
    return [Table(head, rows)] if rows else []


def _ranked(ranking: Ranking, rows: Sequence[tuple[str, Sequence[Run]]], now: float) -> Table:
    measures = measured(ranking.runs)
    if ranking.measure is not None and ranking.measure not in measures:
        measures = [ranking.measure, *measures]
    labelled = any(name for name, _ in rows)
    head = ["#", "settings" if labelled else "runs", "seeds"]
    head += [*(measure.title for measure in measures), *(["measured on"] if measures else [])]
    body = []
    for place, (name, group) in enumerate(rows, 1):
        cells = [cell(measure, group) for measure in measures]
        cells += [images_measured(group) or "-"] if measures else []
        names = _few([run.name for run in group])  # can be long: at the end if the settings identify the row
        start = [str(place), name if labelled else names, _seeds(group)]
        body.append([*start, *cells, *_effort(group, now), *([names] if labelled else [])])
    return Table([*head, "images", "G updates", "minutes", "images/s", "state", *(["runs"] if labelled else [])], body)


def cell(measure: RunMeasure, group: Sequence[Run]) -> str:
    """The value of a group; if no run of it was evaluated, the value in training, with a mark."""
    values = by_seed_of(group, measure.of)
    if values or measure.from_log or not measure.logged:
        return measure.formatted(list(values.values()))
    values = by_seed_of(group, measure.in_training().of)
    return measure.formatted(list(values.values())) + (MARK if values else "")


def images_measured(group: Sequence[Run]) -> str:
    """The number of images on which a group was measured, and whether during training; "" if it was not measured."""
    evaluated = [run for run in group if run.quality]
    text = "; ".join(dict.fromkeys(text for run in evaluated or group if (text := _images_of(run))))
    return f"{text} ({len(evaluated)} of {len(group)} runs)" if 0 < len(evaluated) < len(group) else text


def _images_of(run: Run) -> str:
    if run.quality:
        return str(run.evaluation)
    if not any(column.startswith(QUALITY) for column in run.curves):
        return ""
    n = training_samples(run)
    return f"in training, {n:,} images" if n else "in training"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:4])} … {names[-1]}"


def _seeds(group: Sequence[Run]) -> str:
    seeds = len({str(run.seed) for run in group})
    return str(seeds) if seeds == len(group) else f"{seeds} ({len(group)} runs)"


def _effort(group: Sequence[Run], now: float) -> list[str]:
    states = [run.state(now) for run in group]
    counted = [f"{states.count(state)} {state}" for state in STATES if state in states]
    return [
        _mean(group, lambda run: run.count(IMAGES), whole=True),
        _mean(group, lambda run: run.count("g_updates"), whole=True),
        _mean(group, minutes),
        _mean(group, speed),
        states[0] if len(set(states)) == 1 else ", ".join(counted),
    ]


def _mean(group: Sequence[Run], of: Callable[[Run], float | None], *, whole: bool = False) -> str:
    return formatted(list(by_seed_of(group, of).values()), whole=whole)


def settings_blocks(runs: Sequence[Run]) -> list[Block]:
    """A table of the different settings, one row per run, and a collapsed table of the equal settings."""
    differing = differences([settings_of(run) for run in runs])
    blocks: list[Block] = []
    if len(runs) > 1:
        blocks += _differing(runs, differing)
    title = "Settings that are the same in all runs" if len(runs) > 1 else "Settings"
    equal = [[path, value] for path, value in sorted(differing.equal.items())]
    return [*blocks, Folded(f"{title} ({len(equal)})", [Table(["setting", "value"], equal)])]


def _differing(runs: Sequence[Run], differing: Differences) -> list[Block]:
    if not differing.paths:
        return [Text("No setting differs between these runs.")]
    columns: dict[tuple[str, ...], list[str]] = {}
    distinct = differing.distinct(chosen_settings(runs))
    for path in sorted(differing.paths, key=lambda path: path not in distinct):
        columns.setdefault(tuple(values[path] for values in differing.values), []).append(path)
    head = ["run", *(" = ".join(map(short, paths)) for paths in columns.values())]
    rows = [[run.name, *(column[index] for column in columns)] for index, run in enumerate(runs)]
    note = "–: the run does not have this setting, for example the weight of a penalty. Folders are not listed."
    blocks: list[Block] = [Table(head, rows), Text(note)]
    return blocks if len(runs) <= MOST_OPEN else [Folded(f"Settings that differ between {len(runs)} runs", blocks)]


def origins(runs: Sequence[Run]) -> list[Block]:
    """Versions, machine, git commit, data and extractors: equal values once, and a table of different values."""
    facts = differences([_origin(run) for run in runs])
    same = Table(["the same in all runs" if len(runs) > 1 else "property", "value"], list(facts.equal.items()))
    blocks: list[Block] = [same]
    if facts.paths:
        rows = [[run.name, *(values[p] for p in facts.paths)] for run, values in zip(runs, facts.values, strict=True)]
        blocks.append(Table(["run", *facts.paths], rows))
    return blocks


def _origin(run: Run) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in ("data", "git", "machine", "versions"):
        node = run.facts.get(part)
        for name, value in flat(node if isinstance(node, dict) else {}).items():
            found[name if part == "versions" else f"{part} {name}"] = value
    for extractor, digest in run.extractors.items():
        found[f"{extractor} sha256"] = str(digest)
    if "n" in run.quality:
        found["images measured"] = str(run.quality["n"])
    return found
