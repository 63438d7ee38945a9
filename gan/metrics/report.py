"""The table of `gan evaluate`: plain text, one row per run, and one for real images above them."""

from collections.abc import Sequence

from gan.metrics.quality import Quality

COLUMNS = (
    "FCD",
    "×floor",
    "AE ×floor",
    "KID×1e3",
    "precision",
    "recall",
    "density",
    "coverage",
    "missing",
    "score",
    "copied",
    "n",
)


def table(measured: Sequence[tuple[str, Quality]]) -> str:
    """Rows of names and their measures, as text with aligned columns; notes below it."""
    conditional = any(quality.label_accuracy is not None for _, quality in measured)
    stacked = any(quality.modes is not None for _, quality in measured)
    trained_on = any(quality.accuracy_score is not None for _, quality in measured)
    head = [
        "run",
        *COLUMNS,
        *(["label acc."] if conditional else []),
        *(["modes", "KL"] if stacked else []),
        *(["CAS"] if trained_on else []),
    ]
    rows = [head]
    described: list[tuple[object, ...]] = []
    for name, quality in measured:
        real = (quality.data, quality.compared)
        if real not in described:
            described.append(real)
            blank = [""] * (len(head) - 1 - len(COLUMNS) - trained_on)
            rows.append(
                [f"(real {quality.data})", *_floor(quality), *blank, *_score(quality.real_accuracy_score, trained_on)]
            )
        rows.append([name, *_row(quality, conditional, stacked), *_score(quality.accuracy_score, trained_on)])
    widths = [max(len(row[column]) if column < len(row) else 0 for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in pairs).rstrip()
        for pairs in (list(enumerate(zip(row, widths, strict=False))) for row in rows)
    ]
    return "\n".join([*lines, "", *_notes(measured)])


def _row(quality: Quality, conditional: bool, stacked: bool) -> list[str]:
    cells = [
        f"{quality.fcd:.3f}",
        f"{quality.fcd_ratio:.1f}",
        f"{quality.fcd_autoencoder_ratio:.1f}",
        f"{1e3 * quality.kid:.2f} ± {1e3 * quality.kid_std:.2f}",
        f"{quality.precision:.3f}",
        f"{quality.recall:.3f}",
        f"{quality.density:.3f}",
        f"{quality.coverage:.3f}",
        str(len(quality.missing)),
        f"{quality.score:.3f}",
        "-" if quality.copied is None else f"{quality.copied:.3f}",
        f"{quality.n}",
    ]
    if conditional:
        cells.append("-" if quality.label_accuracy is None else f"{quality.label_accuracy:.4f}")
    if stacked:
        cells += ["-", "-"] if quality.modes is None else [str(quality.modes), f"{quality.reverse_kl:.3f}"]
    return cells


def _score(score: float | None, wanted: bool) -> list[str]:
    return [] if not wanted else ["-"] if score is None else [f"{score:.4f}"]


def _floor(quality: Quality) -> list[str]:
    return [
        f"{quality.fcd_floor:.3f}",
        "1.0",
        "1.0",
        f"{1e3 * quality.kid_floor:.2f}",
        f"{quality.real_precision:.3f}",
        f"{quality.real_recall:.3f}",
        f"{quality.real_density:.3f}",
        f"{quality.real_coverage:.3f}",
        "0",
        f"{quality.score_floor:.3f}",
        "0.010",
        f"{quality.compared}",
    ]


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
