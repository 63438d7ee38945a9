"""The table of `gan evaluate`: plain text with one row per run, and a row for real images above them."""

from collections.abc import Sequence

from gan.metrics.intervals import LEVEL
from gan.metrics.measures import MEASURES, Measure
from gan.metrics.quality import Quality

# Column order: first the metrics of all generators and the number of images, then the metrics of some generators.
COUNT = Measure("n", "n", 0, 0, real="compared")
SHOWN = [measure for measure in MEASURES if measure.name != "high_quality"]  # only for 2-D data
COLUMNS = [*(measure for measure in SHOWN if not measure.some), COUNT]
SOME_HAVE = [measure for measure in SHOWN if measure.some]  # shown if a run has a value


def table(measured: Sequence[tuple[str, Quality]], seeds: Sequence[tuple[str, Sequence[Quality]]] = ()) -> str:
    """The table with aligned columns and notes below it.

    Args:
        measured: name and metrics of each row.
        seeds: name and metrics of each row over several seeds: mean ± half the width of its 95 % interval.
    """
    some = [column for column in SOME_HAVE if any(column.read(vars(quality)) is not None for _, quality in measured)]
    columns = [*COLUMNS, *some]
    rows = [["run", *(column.title for column in columns)]]
    described: list[tuple[object, ...]] = []
    for name, quality in measured:
        real = (quality.data, quality.data_sha256, quality.compared)
        if real not in described:
            described.append(real)
            rows.append(
                [f"(real {quality.data})", *(column.text([column.read_real(vars(quality))], "") for column in columns)]
            )
        rows.append([name, *(_cell(column, quality) for column in columns)])
    rows += [
        [name, *(column.text([column.read(vars(q)) for q in group]) for column in columns)] for name, group in seeds
    ]
    own = list(dict.fromkeys(name for _, quality in measured for name in quality.own))
    if own:
        rows = [[*row, *_own_cells(own, row[0], measured)] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()  # names are left-aligned
        for row in rows
    ]
    notes = (
        [f"Several seeds: mean ± half the width of its {LEVEL:.0%} confidence interval (Student t)."] if seeds else []
    )
    return "\n".join([*lines, "", *notes, *_notes(measured)])


def _cell(column: Measure, quality: Quality) -> str:
    """A run's value; for KID with the standard deviation over subsets."""
    spread = f" ± {column.text([column.factor * quality.kid_std])}" if column.name == "kid" else ""
    return column.text([column.read(vars(quality))]) + spread


def _own_cells(names: Sequence[str], row: str, measured: Sequence[tuple[str, Quality]]) -> list[str]:
    """The cells of the user's own metrics in one row; rows of real images and of seeds have none."""
    if row == "run":
        return list(names)
    values = next((quality.own for name, quality in measured if name == row), {})
    return [f"{values[name]:.4g}" if name in values else "" for name in names]


def _notes(measured: Sequence[tuple[str, Quality]]) -> list[str]:
    notes = [
        "FCD is not FID: it is a Fréchet distance in the features of a small classifier (docs/measures.md).",
        "Lower is better for FCD, ×floor, AE ×floor, control ×floor, KID and copied.",
        "×floor: FCD divided by the FCD of real held-out images.",
        "AE ×floor: the same ratio with an autoencoder, which is trained without labels.",
        "control ×floor: the same ratio with a second classifier, which was not used to choose recipes.",
    ]
    notes += [f"{name}: missing {', '.join(quality.missing)}" for name, quality in measured if quality.missing]
    notes += [f"{name}: {_extremes(quality)}" for name, quality in measured if quality.fcd_by_class]
    for name, quality in measured:
        if quality.compared < quality.n:
            notes.append(
                f"{name}: ×floor, precision, recall, density and coverage use {quality.compared} images, because "
                f"'{quality.data}' has no more held-out images"
            )
    extractors = {key: digest for _, quality in measured for key, digest in quality.extractors.items()}
    notes += [f"{key}: sha256 {digest[:16] or 'not from a file'}" for key, digest in extractors.items()]
    return notes


def _extremes(quality: Quality) -> str:
    """The classes with the lowest and the highest FCD."""
    found, floor = quality.fcd_by_class or {}, quality.fcd_by_class_floor or {}
    names = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    low, high = (f"{found[name]:.2f} ({name}; real images {floor[name]:.2f})" for name in names)
    return f"FCD of one class: {low} to {high}"
