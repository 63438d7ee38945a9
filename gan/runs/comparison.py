"""Comparison of two runs: are the values in their checkpoints and metrics.csv identical, except for times?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan.runs import file_names
from gan.runs.checkpoint_io import load
from gan.runs.curves import read_rows
from gan.runs.moved_settings import in_folder
from gan.runs.series import IMAGES_PER_SECOND

TIMES = ("seconds", "images_per_second", IMAGES_PER_SECOND)
NEVER_ALIKE = (*TIMES, "event_files")  # TensorBoard's files contain times and the machine's name
LAST = Path(file_names.CHECKPOINTS) / file_names.LAST_CHECKPOINT


def differing(one: Any, other: Any, path: str = "") -> list[str]:
    """Return the places where two checkpoints differ, each as a path like /game/turns. Tensors must be bit-equal."""
    if path.rsplit("/", maxsplit=1)[-1] in NEVER_ALIKE:
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        names = dict.fromkeys([*one, *other])
        return [at for name in names for at in differing(one.get(name), other.get(name), f"{path}/{name}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [at for i, pair in enumerate(zip(one, other, strict=True)) for at in differing(*pair, f"{path}/{i}")]
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return [] if one.dtype == other.dtype and torch.equal(one, other) else [path]
    return [] if one == other else [path]


def last_checkpoints(
    run: Path, other: Path, *, ignore_new: bool = False, updated: Callable[[Any], Any] = dict
) -> list[str]:
    """Return the places where the last checkpoints of two run folders differ; the folder paths are ignored.

    Args:
        ignore_new: ignore names that only the second checkpoint has: the first may be from an earlier version.
        updated: gives the settings of an earlier version their present names.

    Raises:
        CheckpointError: one of them cannot be read.
    """
    one, two = load(run / LAST), load(other / LAST)
    one["hyper_parameters"], two["hyper_parameters"] = (updated(each["hyper_parameters"]) for each in (one, two))
    two["hyper_parameters"] = in_folder(two["hyper_parameters"], Path(one["hyper_parameters"]["run_dir"]))
    return differing(one, _only_names_of(one, two) if ignore_new else two)


def _only_names_of(one: Any, other: Any) -> Any:
    """Return ``other`` without the names that ``one`` does not have, at any depth."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _only_names_of(one[name], value) for name, value in other.items() if name in one}
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [_only_names_of(*pair) for pair in zip(one, other, strict=True)]
    return other


def rows(run: Path) -> list[dict[str, str]]:
    """Return the rows of metrics.csv in a run folder as text, without the times; [] if there is no file."""
    try:
        rows = read_rows(run / file_names.METRICS)
        return [{name: text for name, text in row.items() if name not in TIMES} for row in rows]
    except FileNotFoundError:
        return []


def first_difference(one: list[dict[str, str]], other: list[dict[str, str]]) -> str | None:
    """Describe the first row that differs, e.g. "update 120: train/d_loss 0.6931 before, 0.6929 now"."""
    for before, now in zip(one, other, strict=False):
        names = [name for name in dict.fromkeys([*before, *now]) if before.get(name, "") != now.get(name, "")]
        if names:
            values = ", ".join(f"{name} {_shown(before, name)} before, {_shown(now, name)} now" for name in names)
            return f"update {now.get('step')}: {values}"
    if len(one) != len(other):
        return f"{len(one)} rows before, {len(other)} now"
    return None


def _shown(row: dict[str, str], name: str) -> str:
    return row.get(name) or "nothing"
