"""The table of `gan evaluate`: plain text, one row per run, and one for real images above them."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gan.metrics.quality import Quality


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        title: at its head.
        of: a run's value; None: it has none.
        real: what real images get.
        digits: after the point.
    """

    title: str
    of: Callable[[Quality], float | None]
    real: Callable[[Quality], float | None] = lambda quality: None
    digits: int = 3

    def shown(self, values: Sequence[float | None], empty: str = "-") -> str:
        """One value, or the mean of several, ± half the distance from the least to the greatest."""
        known = [value for value in values if value is not None]
        if not known:
            return empty
        spread = f" ± {(max(known) - min(known)) / 2:.{self.digits}f}" if len(known) > 1 else ""
        return f"{statistics.mean(known):.{self.digits}f}{spread}"


COLUMNS = (
    Column("FCD", lambda q: q.fcd, lambda q: q.fcd_floor),
    Column("×floor", lambda q: q.fcd_ratio, lambda q: 1, 1),
    Column("AE ×floor", lambda q: q.fcd_autoencoder_ratio, lambda q: 1, 1),
    Column("KID×1e3", lambda q: 1e3 * q.kid, lambda q: 1e3 * q.kid_floor, 2),
    Column("precision", lambda q: q.precision, lambda q: q.real_precision),
    Column("recall", lambda q: q.recall, lambda q: q.real_recall),
    Column("density", lambda q: q.density, lambda q: q.real_density),
    Column("coverage", lambda q: q.coverage, lambda q: q.real_coverage),
    Column("missing", lambda q: len(q.missing), lambda q: 0, 0),
    Column("score", lambda q: q.score, lambda q: q.score_floor),
    Column("copied", lambda q: q.copied, lambda q: 0.01),
    Column("n", lambda q: q.n, lambda q: q.compared, 0),
)
SOME_HAVE = (  # shown where a run has a value
    Column("label acc.", lambda q: q.label_accuracy, digits=4),
    Column("modes", lambda q: q.modes, digits=0),
    Column("KL", lambda q: q.reverse_kl),
    Column("CAS", lambda q: q.accuracy_score, lambda q: q.real_accuracy_score, 4),
    Column("FID", lambda q: q.fid, digits=2),
)


def table(measured: Sequence[tuple[str, Quality]], seeds: Sequence[tuple[str, Sequence[Quality]]] = ()) -> str:
    """Rows of names and their measures, as text with aligned columns; notes below it.

    Args:
        measured: a row each.
        seeds: a row each for several seeds: means, ± half the distance from the least to the greatest.
    """
    some = [column for column in SOME_HAVE if any(column.of(quality) is not None for _, quality in measured)]
    columns = [*COLUMNS, *some]
    rows = [["run", *(column.title for column in columns)]]
    described: list[tuple[object, ...]] = []
    for name, quality in measured:
        real = (quality.data, quality.compared)
        if real not in described:
            described.append(real)
            rows.append([f"(real {quality.data})", *(column.shown([column.real(quality)], "") for column in columns)])
        rows.append([name, *(_cell(column, quality) for column in columns)])
    rows += [[name, *(column.shown([column.of(q) for q in group]) for column in columns)] for name, group in seeds]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()  # the names to the left
        for row in rows
    ]
    return "\n".join([*lines, "", *_notes(measured)])


def _cell(column: Column, quality: Quality) -> str:
    """A run's value; KID's with its spread over subsets."""
    spread = f" ± {1e3 * quality.kid_std:.2f}" if column.title == "KID×1e3" else ""
    return column.shown([column.of(quality)]) + spread


def _notes(measured: Sequence[tuple[str, Quality]]) -> list[str]:
    notes = ["FCD is not FID: a Fréchet distance in a small classifier's features (docs/measures.md). Lower is better:"]
    notes.append("FCD, ×floor (by real held-out images' FCD), AE ×floor (by an extractor without labels), KID, copied.")
    notes += [f"{name}: missing {', '.join(quality.missing)}" for name, quality in measured if quality.missing]
    for name, quality in measured:
        if quality.compared < quality.n:
            notes.append(
                f"{name}: {quality.compared} images in ×floor, precision … coverage: '{quality.data}' has no more "
                "held-out images to stand beside them"
            )
    extractors = {key: digest for _, quality in measured for key, digest in quality.extractors.items()}
    notes += [f"{key}: sha256 {digest[:16] or 'not from a file'}" for key, digest in extractors.items()]
    return notes
