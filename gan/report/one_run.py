"""The page of one run in the terminal: summary, settings, curves and newest images."""

import io
import json
import textwrap
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.config.kinds import RECIPE
from gan.config.moved import NAMED, updated
from gan.config.option_names import option_name
from gan.report.listing import Column
from gan.report.repeating import command
from gan.report.settings import PLACES, changes_of, flat
from gan.report.terminal_charts import images, plot
from gan.runs import file_names
from gan.runs.curves import Curve
from gan.runs.reading import Run
from gan.runs.run_files import MOST_BYTES, RunFileError, read_bytes
from gan.runs.series import IMAGES_PER_SECOND, SERIES
from gan.system.errors import counted

GROUPS = ("data", "model", *RECIPE, "trainer")
TOLD = ("data", "state", "why", "started", "images", "minutes", "seed")
LATENTS = Path(file_names.SAMPLES) / file_names.LATENTS


def page(run: Run, known: dict[str, Column], *, width: int, colour: bool) -> str:
    """The page as text, in lines of ``width`` characters, except the command, which stays on one line for copying."""
    parts = [_head(run, known), _settings(run, width), _curves(run, width), _newest(run, width, colour=colour)]
    return "\n\n".join(part for part in parts if part)


def _head(run: Run, known: dict[str, Column]) -> str:
    measured = [name for name in known if name not in (*TOLD, "run", "recipe")]
    rows = {known[name].title: known[name].cell(run) for name in (*TOLD, *measured)}
    rows = {title: cell for title, cell in rows.items() if cell not in ("", "-")}
    repeats = command(run)
    lines = [known["run"].cell(run), *_named(rows | ({"command": repeats} if repeats else {}))]
    changes = (f"  changed {change}" for change in changes_of(run))
    return "\n".join([*lines, *changes, *(f"  alarm: {alarm}" for alarm in run.alarms)])


def _settings(run: Run, width: int) -> str:
    settings = updated(run.settings)
    rows = {group: _of_group(group, settings[group]) for group in GROUPS if isinstance(settings.get(group), dict)}
    indent = " " * (4 + max(map(len, rows), default=0))
    lines = [textwrap.fill(line, max(width, 60), subsequent_indent=indent) for line in _named(rows)]
    return "\n".join(["settings", *lines])


def _of_group(group: str, node: dict[str, Any]) -> str:
    """The name of an option, followed by its settings that have a value."""
    values = {path: text for path, text in flat(node).items() if text != "null" and f"{group}.{path}" not in PLACES}
    name = values.pop("name", "") if group == "data" else option_name(group, node) if group in NAMED else ""
    values = {path: text for path, text in values.items() if path.rpartition(".")[2] != "_target_"} if name else values
    name = name or values.pop("_target_", "").rpartition(".")[2]
    place = str(values.pop("default_root_dir", ""))
    settings = ", ".join(f"{path} {text}" for path, text in values.items() if not place or text != place)
    return f"{name} ({settings})" if name and settings else name or settings


def _named(rows: dict[str, str]) -> list[str]:
    longest = max(map(len, rows), default=0)
    return [f"  {name:<{longest}}  {text}" for name, text in rows.items()]


def _curves(run: Run, width: int) -> str:
    names = [series.name for series in SERIES if series.bar and series.name != IMAGES_PER_SECOND]
    there = {name: run.curves[name] for name in names if name in run.curves and len(run.curves[name].values) > 1}
    return "\n".join(line for name, curve in there.items() for line in _drawn(name, curve, width))


def _drawn(name: str, curve: Curve, width: int) -> list[str]:
    finite = curve.finite()
    if not finite:
        return [f"{name}: no value is finite"]
    title = f"{name}: {min(finite):.4g} … {max(finite):.4g}, last {curve.values[-1]:.4g}"
    return [f"{title}; {counted(curve.x[-1], 'image')}", *plot(curve.values, width=min(width, 80), height=3)]


def _newest(run: Run, width: int, *, colour: bool) -> str:
    grid = run.newest_grid
    if grid is None:
        return ""
    shown = newest_images(run.folder)
    drawn = [] if shown is None else images(shown, columns=width, colour=colour)
    return "\n".join([f"newest grid: {grid}", *drawn])


def newest_images(folder: Path) -> NDArray[np.uint8] | None:
    """The images from the fixed latents after the last epoch, uint8 (N, C, H, W); None without images or for points."""
    try:
        content = io.BytesIO(read_bytes(folder / LATENTS))
        with zipfile.ZipFile(content) as archive:
            if archive.getinfo("images.npy").file_size > MOST_BYTES[LATENTS.suffix]:  # uncompressed size
                return None
        with np.load(content, allow_pickle=False) as saved:
            images = saved["images"][-1]
    except (OSError, EOFError, ValueError, KeyError, IndexError, MemoryError, zipfile.BadZipFile, RunFileError):
        return None
    is_pictures = images.dtype == np.uint8 and images.ndim == 4 and images.shape[1] in (1, 3) and len(images)
    return images if is_pictures else None


def as_json(run: Run, row: dict[str, Any]) -> str:
    """JSON with the row of `gan runs`, the settings, the last value of each logged column, and the files."""
    grid = run.newest_grid
    content: dict[str, Any] = {
        **row,
        "settings": run.settings,
        "alarms": list(run.alarms),
        "changes": changes_of(run),
        "command": run.command,
    }
    content["last"] = {name: _finite(curve.values) for name, curve in run.curves.items()}
    return json.dumps({**content, "newest_grid": None if grid is None else str(grid)})


def _finite(values: Sequence[float]) -> float | None:
    return values[-1] if values and np.isfinite(values[-1]) else None
