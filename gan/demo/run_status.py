"""The status of a run during training, read from its folder for a page that polls it."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gan.data.registry import SAMPLES, SOURCES
from gan.report.repeating import command
from gan.runs.curves import Curve, thinned, with_gaps
from gan.runs.reading import Run
from gan.runs.run_files import is_number, sample_grids
from gan.runs.series import CHARTS, EPOCH, IMAGES_PER_SECOND, QUALITY, SERIES, Chart, drawn_in
from gan.system.errors import GanError

MOST_POINTS = 400  # of one curve
RECENT = 20  # rows for the speed
WAYS = {-1: " (lower is better)", 0: "", 1: " (higher is better)"}
TITLES = {series.name.removeprefix(QUALITY): series.title for series in SERIES if series.name.startswith(QUALITY)}
TITLES["copied"] = "copied"  # measured by `gan evaluate` alone


def status(run: Run, now: float) -> dict[str, Any]:
    """State, progress, curves, measures, alarms and grids of a run; every number is finite, or None.

    Args:
        now: seconds since 1970.
    """
    state = run.state(now)
    done, total = run.count("images_seen"), _images_in_all(run)
    return {
        "name": run.name,
        "folder": str(run.folder),
        "state": state,
        "why": run.why,
        "data": run.data,
        "command": command(run) or "",
        "started": str(run.facts.get("started") or ""),
        "seconds": _finite(run.seconds),
        "quiet": max(0.0, now - run.changed),
        "images": done,
        "images_in_all": total,
        "g_updates": run.count("g_updates"),
        "share": 1.0 if state == "finished" else _fraction(done, total),
        "left": _seconds_left(run, done, total) if state == "running" else None,
        "latest": {name: _finite(curve.values[-1]) for name, curve in run.curves.items() if name.startswith(QUALITY)},
        "measured": {name: value for name, value in run.quality.items() if is_number(value)},
        "alarms": list(run.alarms),
        "titles": TITLES,
        "charts": [drawn for chart in CHARTS if (drawn := _chart(run, chart))],
        "grids": [path.stem for path in grids(run)],
    }


def grids(run: Run) -> list[Path]:
    """The sample grids of the fixed latents by epoch, the newest last."""
    return sample_grids(run.folder)


def grid(run: Run, number: int) -> bytes:
    """One of these grids, as PNG.

    Raises:
        GanError: the number does not exist, or the file is not a picture of this run.
    """
    found = grids(run)
    if not 0 <= number < len(found):
        raise GanError(f"grid: {number} given; this run has {len(found)}")
    content = run.picture(found[number])
    if content is None:
        raise GanError(f"grid: {found[number].name} is not a PNG of this run")
    return content


def _chart(run: Run, chart: Chart) -> dict[str, Any] | None:
    logged = [series for series in drawn_in(chart) if series.name in run.curves]
    curves = {series.title: thinned(with_gaps(run.curves[series.name]), MOST_POINTS) for series in logged}
    lines = [{"name": title, **curve.plain()} for title, curve in curves.items()]
    ways = {WAYS[series.better] for series in logged}
    return {**asdict(chart), "title": chart.title + "".join(ways), "lines": lines} if lines else None


def _finite(value: float | None) -> float | None:
    """The rounded value; None for NaN and infinity, which JSON cannot hold."""
    return float(f"{value:.9g}") if value is not None and math.isfinite(value) else None


def _fraction(done: float | None, total: float | None) -> float | None:
    return min(1.0, (done or 0) / total) if total else None


def _seconds_left(run: Run, done: float | None, total: float | None) -> float | None:
    """At the speed of the last rows: what is measured and written in between comes on top."""
    speeds = run.curves.get(IMAGES_PER_SECOND, Curve()).finite()[-RECENT:]
    if not speeds or not total or done is None or statistics.median(speeds) <= 0:
        return None
    return max(0.0, total - done) / statistics.median(speeds)


def _images_in_all(run: Run) -> float | None:
    """Real images that the run will have seen at its end; None if unknown."""
    trainer = run.settings.get("trainer")
    trainer = trainer if isinstance(trainer, dict) else {}
    limits = []
    epochs, epoch = trainer.get("max_epochs"), _images_of_an_epoch(run, trainer)
    if isinstance(epochs, int) and epochs > 0 and epoch:
        limits.append(epochs * epoch)
    steps, updates, done = trainer.get("max_steps"), run.count("g_updates"), run.count("images_seen")
    if isinstance(steps, int) and steps > 0 and updates and done:
        limits.append(done * steps / updates)
    return min(limits, default=None)


def _images_of_an_epoch(run: Run, trainer: Mapping[str, Any]) -> float | None:
    """Images of an epoch: of the first finished epoch; before its end, the size of the dataset."""
    epoch = run.curves.get("epoch", Curve())
    numbers = dict(zip(epoch.x, epoch.values, strict=True))
    ends = [curve.x[0] for name, curve in run.curves.items() if name.startswith(EPOCH) and curve.x]
    if ends and min(ends) in numbers:
        return min(ends) / (numbers[min(ends)] + 1)
    if trainer.get("limit_train_batches") != 1.0 or trainer.get("overfit_batches"):
        return None
    if run.data in SAMPLES:
        return SAMPLES[run.data].train_count
    sources = SOURCES.get(run.data, {})
    data = run.settings.get("data")
    split = data.get("split") if isinstance(data, dict) else None
    source = (sources.get(split) if isinstance(split, str) else None) or next(iter(sources.values()), None)
    return source.train.counts[0] if source else None
