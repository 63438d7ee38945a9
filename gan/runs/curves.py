"""What metrics.csv says: each logged column as a curve over the real images that the run had seen."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gan.runs.run_files import read_rows

FILE_NAME = "metrics.csv"
IMAGES = "images_seen"
MOST_IMAGES = 2**53  # a row with more is none: differences of them have no float


@dataclass
class Curve:
    """One column: ``values`` at ``images``, the real images seen, in the order of time. Values may be NaN."""

    images: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def finite(self) -> list[float]:
        """The values that are numbers."""
        return [value for value in self.values if math.isfinite(value)]


def read_curves(table: Path) -> dict[str, Curve]:
    """The columns of a metrics.csv by name; none if there is no such file.

    A row without ``images_seen`` belongs to the number in the row above it. A last line without its end is still being
    written, and is left out, as is a row with a cell that is no number. Where the images go back, a run was taken up
    again from a checkpoint: what it had logged after that is replaced.

    Raises:
        RunFileError: it cannot be read.
    """
    curves: dict[str, Curve] = {}
    images = 0
    for row in _rows(table):
        images = int(row.get(IMAGES, images))
        for name, value in row.items():
            curve = curves.setdefault(name, Curve())
            while curve.images and curve.images[-1] > images:
                curve.images.pop()
                curve.values.pop()
            curve.images.append(images)
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
    """At most ``most`` points (4 or more): of each of equally wide bins the least and the greatest value, as they came.

    So no peak is lost. Where any value of a bin is not finite, one such is kept besides, which shows as a gap.
    """
    if len(curve.images) <= most:
        return curve
    bins = most // 3
    width = max(1, curve.images[-1] - curve.images[0]) / bins
    kept: dict[int, dict[str, int]] = {}
    for index, (images, value) in enumerate(zip(curve.images, curve.values, strict=True)):
        chosen = kept.setdefault(min(bins - 1, int((images - curve.images[0]) / width)), {})
        if not math.isfinite(value):
            chosen.setdefault("gap", index)
            continue
        if value < curve.values[chosen.setdefault("least", index)]:
            chosen["least"] = index
        if value > curve.values[chosen.setdefault("greatest", index)]:
            chosen["greatest"] = index
    indices = sorted({index for chosen in kept.values() for index in chosen.values()})
    return Curve([curve.images[index] for index in indices], [curve.values[index] for index in indices])
