"""The statistics of a report as files for a paper or a script: CSV, and LaTeX tables with booktabs."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence

from gan.metrics.intervals import LEVEL, Estimate, difference, estimate
from gan.report.measures import RunMeasure, by_seed_of, decimals, formatted, measured
from gan.report.ranking import Ranking, minutes, speed
from gan.report.seeds import configurations
from gan.report.tables import configuration_names, images_measured
from gan.runs.reading import Run
from gan.runs.series import IMAGES

HEAD = (
    "data", "rank", "configuration", "metric", "unit", "better", "measured_on", "seeds", "n", "mean", "std",
    "ci95_low", "ci95_high", "diff_to_first", "diff_ci95_low", "diff_ci95_high", "diff_n", "diff_method", "different",
)  # fmt: skip
UNITS = {
    "precision": "fraction", "recall": "fraction", "coverage": "fraction", "label_accuracy": "fraction",
    "accuracy_score": "fraction", "high_quality": "fraction", "missing": "classes", "modes": "modes",
}  # fmt: skip
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "×": r"$\times$", "–": "--", '"': r"\textquotedbl{}",
}  # fmt: skip
UP, DOWN = r"$\uparrow$", r"$\downarrow$"


def csv_table(ranked: Sequence[Ranking]) -> bytes:
    """One row per configuration and metric; numbers with 10 significant digits, empty if there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for ranking in ranked:
        for measure in _measures(ranking):
            better = {-1: "lower", 0: "", 1: "higher"}[measure.better]
            name = measure.title.replace("KID×1e3", "1000 KID").replace("×floor", "/ floor")
            unit = UNITS.get(measure.name, "1")
            writer.writerows(_rows(ranking, measure.of, [name, unit, better], in_training=measure.from_log))
        for name, unit, of in (
            ("images seen", "images", lambda run: run.count(IMAGES)),
            ("training time", "min", minutes),
            ("speed", "images/s", speed),
        ):
            writer.writerows(_rows(ranking, of, [name, unit, ""], in_training=None))
    return text.getvalue().encode()


def _measures(ranking: Ranking) -> list[RunMeasure]:
    """The metrics of the runs; where only some runs were evaluated, also the values in training of the others."""
    found = measured(ranking.runs)
    others = [run for run in ranking.runs if not run.quality]
    return [
        *found,
        *(
            measure.in_training()
            for measure in found
            if not measure.from_log and measure.logged and any(measure.logged in run.curves for run in others)
        ),
    ]


def _rows(
    ranking: Ranking, of: Callable[[Run], float | None], metric: Sequence[str], *, in_training: bool | None
) -> Iterator[list[str]]:
    """The rows of one metric; ``in_training``: measured in training, None if it is not a metric of images."""
    groups = [[run for run in group if not (in_training and run.quality)] for group in ranking.groups]
    values = [by_seed_of(group, of) for group in groups]
    named = zip(groups, configuration_names(ranking), values, strict=True)
    for place, (group, name, own) in enumerate(named, 1):
        if not own:
            continue
        on = "" if in_training is None else images_measured(group)
        found = estimate(list(own.values()))
        row = [ranking.data, str(place), name, *metric, on, " ".join(own), str(found.n), *_numbers(found)]
        to_first = difference(own, values[0]) if place > 1 and values[0] else None
        if to_first is not None:
            method = "" if to_first.half_width is None else "paired" if to_first.paired else "Welch"
            low, high = map(_number, to_first.interval or (None, None))
            verdict = "" if to_first.half_width is None else "yes" if to_first.is_separate else "no"
            row += [_number(to_first.mean), low, high, str(to_first.n), method, verdict]
        yield row + [""] * (len(HEAD) - len(row))


def _numbers(found: Estimate) -> list[str]:
    low, high = found.interval or (None, None)
    return [_number(found.mean), _number(found.std), _number(low), _number(high)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def latex_tables(ranked: Sequence[Ranking], command: str, version: str) -> bytes:
    """One booktabs table per dataset: a row per configuration, a column per metric, and the training time.

    Args:
        ranked: the rankings; one without ranked runs has no table.
        command: the command that writes the file, for the caption.
        version: of this program, for the caption.
    """
    tables = [_latex(ranking, command, version) for ranking in ranked if ranking.groups]
    return ("% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}.\n" + "\n".join(tables)).encode()


def _latex(ranking: Ranking, command: str, version: str) -> str:
    measures = measured(ranking.runs)
    compared = _differences(ranking)
    head = ["Configuration", "$n$", *map(_heading, measures), "Time (min)"]
    head += [f"$\\Delta$ {latex(ranking.measure.title)}"] if ranking.measure is not None and any(compared) else []
    rows = []
    for group, name, delta in zip(ranking.groups, configuration_names(ranking), compared, strict=True):
        values = {} if ranking.measure is None else by_seed_of(group, ranking.measure.of)
        seeds = len(values or {str(run.seed) for run in group})
        cells = [_value(measure.of, measure, group) for measure in measures]
        row = [latex(name), str(seeds), *cells, _value(minutes, None, group)]
        rows.append(" & ".join([*row, *([delta] if any(compared) else [])]) + r" \\")
    lines = [
        r"\begin{table}", r"\centering", rf"\caption{{{_caption(ranking, command, version, any(compared))}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", " & ".join(head) + r" \\", r"\midrule",
        *rows, r"\bottomrule", r"\end{tabular}", r"\end{table}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _heading(measure: RunMeasure) -> str:
    unit = f" ({UNITS[measure.name]})" if UNITS.get(measure.name, "fraction") != "fraction" else ""
    title = latex(measure.title).replace(r"$\times$1e3", r" $\times 10^3$")
    return f"{title}{unit} {DOWN if measure.better < 0 else UP if measure.better > 0 else ''}".strip()


def _value(of: Callable[[Run], float | None], measure: RunMeasure | None, group: Sequence[Run]) -> str:
    values = list(by_seed_of(group, of).values())
    text = formatted(values, whole=measure is not None and measure.counts)
    if text in ("-", "not finite"):
        return text.replace("-", "--")
    number = text.replace(" ± ", r" \pm ").replace(",", "{,}")
    return f"${number}$"


def _differences(ranking: Ranking) -> list[str]:
    """The difference from the first configuration in the metric of the ranking, with its interval; "" for the first."""
    if ranking.measure is None:
        return [""] * len(ranking.groups)
    cells = []
    for each in configurations(ranking, ranking.measure):
        found = each.to_first
        if found is None or found.half_width is None:
            cells.append("")
            continue
        digits = decimals(found.mean)
        cells.append(rf"${found.mean:+.{digits}f} \pm {found.half_width:.{digits}f}$")
    return cells


def _caption(ranking: Ranking, command: str, version: str, has_differences: bool) -> str:
    on = ", ".join(dict.fromkeys(text for group in ranking.groups if (text := images_measured(group))))
    parts = [
        f"Generators trained on {latex(ranking.data)}, measured on {latex(on or 'no images')}.",
        rf"Mean $\pm$ half the width of the {LEVEL * 100:.0f}\,\% confidence interval (Student's $t$) over $n$ seeds; "
        "one seed has no interval. Distances and ratios have no unit; precision, recall, coverage and accuracies are "
        "fractions.",
    ]
    if has_differences:
        parts.append(
            r"$\Delta$: mean difference from the first row with its interval, in pairs of runs with the same seed, or "
            "Welch's interval if they have no common seeds."
        )
    return " ".join([*parts, rf"Made by \texttt{{{latex(command)}}}, gan {latex(version)}."])


def latex(text: str) -> str:
    """Text on one line, escaped so that LaTeX prints it unchanged."""
    return "".join(SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
