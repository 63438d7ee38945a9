"""The list of `gan runs`: its columns, and filtering and sorting of runs."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gan.report.measures import MEASURES, RunMeasure
from gan.report.repeating import recipe
from gan.runs.reading import Run
from gan.runs.series import FCD, IMAGES
from gan.system.errors import GanError, unknown_name
from gan.system.shell import short

CONDITION = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>|~)\s*(.*?)\s*")
EXAMPLES = "for example state=finished, recipe~hinge or fcd<5"
Value = str | float | None


@dataclass(frozen=True)
class Column:
    """One column: name, heading, function for the value of a run, and format.

    Attributes:
        better: sort direction: 1 for the largest first, -1 for the smallest first.
    """

    name: str
    title: str
    of: Callable[[Run], Value]
    written: Callable[[float], str] = "{:,.0f}".format
    better: int = -1

    def cell(self, run: Run) -> str:
        value = self.of(run)
        if isinstance(value, str):
            return value
        return "-" if value is None else self.written(value)


def columns(now: float) -> dict[str, Column]:
    """All columns by name."""
    found = [
        Column("run", "run", lambda run: short(run.folder)),
        Column("data", "data", lambda run: run.data),
        Column("seed", "seed", lambda run: None if run.seed is None else str(run.seed)),
        Column("images", "images seen", lambda run: run.count(IMAGES), better=1),
        Column("minutes", "minutes", lambda run: run.seconds and run.seconds / 60, "{:,.1f}".format),
        *(_measure(measure) for measure in MEASURES),
        Column("measured_against", "measured against", _other_data),
        Column("fcd_training", "FCD in training", _fcd_in_training, "{:,.2f}".format),
        Column("started", "started", lambda run: str(run.facts.get("started", ""))[:16] or None, better=1),
        Column("state", "state", lambda run: run.state(now)),
        Column("why", "why", lambda run: run.why or None),
        Column("recipe", "recipe", lambda run: recipe(run) or None),
    ]
    return {column.name: column for column in found}


def _measure(measure: RunMeasure) -> Column:
    name = re.sub(r"[^a-z0-9]+", "_", measure.title.lower()).strip("_")
    return Column(name, measure.title, measure.of, lambda value: measure.formatted([value]), measure.better)


def _other_data(run: Run) -> str | None:
    """The dataset of the evaluation if it is not that of the training."""
    return run.evaluation.data if run.quality and run.evaluation.data != run.data else None


def _fcd_in_training(run: Run) -> float | None:
    """The last FCD measured during training. For a finished run this does not read metrics.csv."""
    if run.ended:
        value = run.ended.get(FCD)
        return float(value) if isinstance(value, int | float) else None
    return run.last(FCD)


def chosen(runs: Sequence[Run], conditions: Sequence[str], known: dict[str, Column]) -> list[Run]:
    """The runs that meet all conditions. A condition is a column, one of = != < <= > >= ~ (contains), and a value.

    Raises:
        GanError: a condition has another form, or its column does not exist.
    """
    tests = [_test(condition, known) for condition in conditions]
    return [run for run in runs if all(test(run) for test in tests)]


def _test(condition: str, known: dict[str, Column]) -> Callable[[Run], bool]:
    parts = CONDITION.fullmatch(condition)
    if parts is None:
        raise GanError(
            f"--filter: {condition!r} given; a column, one of = != < <= > >= ~ and a value expected, {EXAMPLES}"
        )
    name, sign, text = parts.groups()
    column = _column("--filter", name, known)
    if sign == "~":
        return lambda run: text.lower() in column.cell(run).lower()
    if sign in ("=", "!="):
        return lambda run: _same(column.of(run), text) == (sign == "=")
    try:
        number = float(text)
    except ValueError:
        raise GanError(f"--filter: {condition!r} given; a number expected after {sign}") from None
    return lambda run: _compared(column.of(run), sign, number)


def _same(value: Value, text: str) -> bool:
    if isinstance(value, float | int):
        try:
            return float(value) == float(text)
        except ValueError:
            return False
    return (value or "") == text


def _compared(value: Value, sign: str, number: float) -> bool:
    """The result of a comparison; False for a run without a number in this column."""
    if not isinstance(value, float | int):
        return False
    return {"<": value < number, "<=": value <= number, ">": value > number, ">=": value >= number}[sign]


def ordered(runs: Sequence[Run], by: str, known: dict[str, Column], *, reverse: bool) -> list[Run]:
    """Runs sorted by one column: the best metric, the latest start or the most images first, text from A to Z.

    Runs without a value are last, also with ``reverse``.

    Raises:
        GanError: the column does not exist.
    """
    column = _column("--sort", by, known)
    having = [run for run in runs if _is_value(column.of(run))]
    without = [run for run in runs if not _is_value(column.of(run))]
    descending = (column.better > 0) != reverse
    return [*sorted(having, key=lambda run: _key(column.of(run)), reverse=descending), *without]


def _is_value(value: Value) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _key(value: Value) -> Any:
    """A sort key that compares numbers within text by value: 2 before 10."""
    if isinstance(value, str):
        return [
            (int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in re.split(r"(\d+)", value)
        ]
    return value


def row(run: Run, known: dict[str, Column]) -> dict[str, Value]:
    """The run's folder and all columns for JSON; values that are not finite are None."""
    values = {name: column.of(run) for name, column in known.items()}
    finite = {n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in values.items()}
    return {"folder": str(run.folder), **finite}


def _column(option: str, name: str, known: dict[str, Column]) -> Column:
    if name not in known:
        raise GanError(unknown_name(option, name, known))
    return known[name]
