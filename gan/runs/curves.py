"""Reader of metrics.csv: each logged column as a curve over the number of real images seen, or over the steps."""

import contextlib
import csv
import io
import itertools
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gan.runs.run_files import read_bytes, unreadable
from gan.runs.series import IMAGES

MOST_IMAGES = 2**53  # rows with more are ignored: their differences have no exact float


@dataclass
class Curve:
    """One column: ``values`` at ``x`` (real images seen, or steps), ordered by time. Values may be NaN."""

    x: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def finite(self) -> list[float]:
        """Return the finite values."""
        return [value for value in self.values if math.isfinite(value)]

    def plain(self) -> dict[str, list[Any]]:
        """Return the curve for JSON in a web page: NaN becomes None; five digits are enough for a screen."""
        return {"x": self.x, "y": [float(f"{value:.5g}") if math.isfinite(value) else None for value in self.values]}


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a metrics.csv by column; ignores an incomplete last line.

    Raises:
        FileNotFoundError: the file does not exist.
        RunFileError: it is not a table within the size limits.
    """
    text = read_bytes(path).decode(errors="replace")
    whole = text[: text.rfind("\n") + 1].replace("\0", "")
    try:
        for row in csv.DictReader(io.StringIO(whole, newline="")):
            yield {name: cell or "" for name, cell in row.items() if isinstance(name, str)}  # None: extra cells
    except csv.Error as error:
        raise unreadable(path, error) from error


def read_curves(table: Path, axis: str = IMAGES) -> dict[str, Curve]:
    """Return the columns of a metrics.csv by name, over the column ``axis``; empty if the file does not exist.

    A row without ``axis`` uses the value of the row above it. An incomplete last line, which is still being written,
    and rows with a cell that is not a number are ignored. If the axis goes back, the run was resumed from a checkpoint:
    the new rows replace the rows logged after that checkpoint.

    Raises:
        RunFileError: the file cannot be read.
    """
    curves: dict[str, Curve] = {}
    x = 0
    for row in _rows(table):
        x = int(row.get(axis, x))
        for name, value in row.items():
            curve = curves.setdefault(name, Curve())
            while curve.x and curve.x[-1] > x:
                curve.x.pop()
                curve.values.pop()
            curve.x.append(x)
            curve.values.append(value)
    return curves


def _rows(table: Path) -> Iterator[dict[str, float]]:
    with contextlib.suppress(FileNotFoundError):
        for row in read_rows(table):
            try:
                numbers = {name: float(cell) for name, cell in row.items() if name and cell}
            except ValueError:
                continue
            if 0 <= numbers.get(IMAGES, 0) < MOST_IMAGES:
                yield numbers


def thinned(curve: Curve, most: int) -> Curve:
    """Return at most ``most`` points (4 or more): the minimum and maximum of each of equally wide bins, in order.

    So no peak is lost. A bin with non-finite values also keeps one of them, which shows as a gap.
    """
    if len(curve.x) <= most:
        return curve
    bins = most // 3
    width = max(1, curve.x[-1] - curve.x[0]) / bins
    kept: dict[int, dict[str, int]] = {}
    for index, (x, value) in enumerate(zip(curve.x, curve.values, strict=True)):
        chosen = kept.setdefault(min(bins - 1, int((x - curve.x[0]) / width)), {})
        if not math.isfinite(value):
            chosen.setdefault("gap", index)
            continue
        if value < curve.values[chosen.setdefault("least", index)]:
            chosen["least"] = index
        if value > curve.values[chosen.setdefault("greatest", index)]:
            chosen["greatest"] = index
    indices = sorted({index for chosen in kept.values() for index in chosen.values()})
    return Curve([curve.x[index] for index in indices], [curve.values[index] for index in indices])


def with_gaps(curve: Curve) -> Curve:
    """Break the line at long gaps in the log: with alternating epochs, those in which the other network trained."""
    distances = [after - before for before, after in itertools.pairwise(curve.x)]
    usual = statistics.median(distances) if distances else 0
    broken = Curve()
    for x, value, distance in zip(curve.x, curve.values, [0, *distances], strict=False):
        if distance > 10 * usual:
            broken.x.append(x - distance // 2)
            broken.values.append(math.nan)
        broken.x.append(x)
        broken.values.append(value)
    return broken
