"""What a run's folder says of it while it trains, for a page that asks again and again."""

import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan.data.registry import SAMPLES, SOURCES
from gan.demo.parameters import is_number
from gan.metrics.measures import FRECHET_CHART, HIGHER_CHART, MEASURES, MODES_CHART
from gan.report.charts import with_gaps
from gan.runs.curves import Curve, thinned
from gan.runs.reading import Run
from gan.system.errors import GanError

MOST_POINTS = 400  # of one curve
RECENT = 20  # rows that the speed is taken from
# title, columns, and how it is drawn: a scale by tens, a line to compare with
CHARTS: tuple[tuple[str, tuple[str, ...], Mapping[str, Any]], ...] = (
    ("losses", ("train/d_loss", "train/g_loss"), {}),
    (
        "discriminator is right",
        ("train/d_accuracy_real", "train/d_accuracy_fake", "train/d_accuracy_pairs"),
        {"line": 0.5, "low": 0, "high": 1},
    ),
    *(
        (chart, tuple(measure.logged for measure in MEASURES if measure.chart == chart), how)
        for chart, how in ((FRECHET_CHART, {"log": True}), (HIGHER_CHART, {"low": 0, "high": 1}), (MODES_CHART, {}))
    ),
    ("gradient norms", ("train/d_gradient_norm", "train/g_gradient_norm"), {"log": True}),
    ("images per second", ("train/images_per_second",), {"low": 0}),
)


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
        "command": " ".join(run.command),
        "started": str(run.facts.get("started") or ""),
        "seconds": _finite(run.seconds),
        "quiet": max(0.0, now - run.changed),
        "images": done,
        "images_in_all": total,
        "g_updates": run.count("g_updates"),
        "share": 1.0 if state == "finished" else _share(done, total),
        "left": _seconds_left(run, done, total) if state == "running" else None,
        "latest": {
            name: _finite(curve.values[-1]) for name, curve in run.curves.items() if name.startswith("quality/")
        },
        "measured": {name: value for name, value in run.quality.items() if is_number(value)},
        "alarms": list(run.alarms),
        "charts": [chart for title, columns, how in CHARTS if (chart := _chart(run, title, columns, how))],
        "grids": [path.stem for path in grids(run)],
    }


def grids(run: Run) -> list[Path]:
    """The pictures of the fixed latents, epoch by epoch, the newest last."""
    return sorted((run.folder / "samples").glob("epoch_*.png"))


def grid(run: Run, number: int) -> bytes:
    """One of these pictures, as PNG.

    Raises:
        GanError: there is no such, or it is none of this folder.
    """
    found = grids(run)
    if not 0 <= number < len(found):
        raise GanError(f"grid: {number} given; this run has {len(found)}")
    content = run.picture(found[number])
    if content is None:
        raise GanError(f"grid: {found[number].name} is no picture of this run")
    return content


def _chart(run: Run, title: str, columns: tuple[str, ...], how: Mapping[str, Any]) -> dict[str, Any] | None:
    curves = {name: thinned(with_gaps(run.curves[name]), MOST_POINTS) for name in columns if name in run.curves}
    lines = [
        {"name": name.partition("/")[2], "x": curve.images, "y": [_finite(value, 5) for value in curve.values]}
        for name, curve in curves.items()
    ]
    return {"title": title, "lines": lines, **how} if lines else None


def _finite(value: float | None, digits: int = 9) -> float | None:
    """JSON has no NaN."""
    return float(f"{value:.{digits}g}") if value is not None and math.isfinite(value) else None


def _share(done: float | None, total: float | None) -> float | None:
    return min(1.0, (done or 0) / total) if total else None


def _seconds_left(run: Run, done: float | None, total: float | None) -> float | None:
    """At the speed of the last rows: what is measured and written in between comes on top."""
    speeds = run.curves.get("train/images_per_second", Curve()).finite()[-RECENT:]
    if not speeds or not total or done is None or statistics.median(speeds) <= 0:
        return None
    return max(0.0, total - done) / statistics.median(speeds)


def _images_in_all(run: Run) -> float | None:
    """Real images that it will have seen in the end; None where that cannot be known."""
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
    """From the first epoch that has ended; before that, as many as the set has."""
    epoch = run.curves.get("epoch", Curve())
    numbers = dict(zip(epoch.images, epoch.values, strict=True))
    ends = [curve.images[0] for name, curve in run.curves.items() if name.startswith("epoch/") and curve.images]
    if ends and min(ends) in numbers:
        return min(ends) / (numbers[min(ends)] + 1)
    if trainer.get("limit_train_batches") != 1.0:
        return None
    if run.data in SAMPLES:
        return SAMPLES[run.data].train_count
    sources = SOURCES.get(run.data, {})
    data = run.settings.get("data")
    split = data.get("split") if isinstance(data, dict) else None
    source = (sources.get(split) if isinstance(split, str) else None) or next(iter(sources.values()), None)
    return source.train.counts[0] if source else None
