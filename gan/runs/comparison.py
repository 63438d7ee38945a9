"""Whether two runs have the same numbers: all of their checkpoints and rows of metrics.csv, but for the times."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan.runs.checkpoint_io import load
from gan.runs.curves import FILE_NAME, read_rows
from gan.runs.run_folder import in_folder
from gan.runs.series import IMAGES_PER_SECOND

TIMES = ("seconds", "images_per_second", IMAGES_PER_SECOND)
NEVER_ALIKE = (*TIMES, "event_files")  # TensorBoard's files hold times and the machine's name
LAST = Path("checkpoints") / "last.ckpt"


def differing(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two checkpoints differ by anything at all, each place as /game/turns. Equal tensors are bit-equal."""
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


def last_checkpoints(run: Path, other: Path, *, ignore_new: bool = False) -> list[str]:
    """Where the last checkpoints of two run folders differ; that they lie in two folders does not count.

    Args:
        ignore_new: names that only the second checkpoint has do not count: the first may be of an earlier version.

    Raises:
        CheckpointError: one of them cannot be read.
    """
    one, two = load(run / LAST), load(other / LAST)
    two["hyper_parameters"] = in_folder(two["hyper_parameters"], Path(one["hyper_parameters"]["run_dir"]))
    return differing(one, _only_names_of(one, two) if ignore_new else two)


def _only_names_of(one: Any, other: Any) -> Any:
    """``other`` without the names, at any depth, that ``one`` does not have."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _only_names_of(one[name], value) for name, value in other.items() if name in one}
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [_only_names_of(*pair) for pair in zip(one, other, strict=True)]
    return other


def rows(run: Path) -> list[dict[str, str]]:
    """The rows of a run folder's metrics.csv as they are written, without the times; [] if it has none."""
    try:
        rows = read_rows(run / FILE_NAME)
        return [{name: text for name, text in row.items() if name not in TIMES} for row in rows]
    except FileNotFoundError:
        return []


def first_difference(one: list[dict[str, str]], other: list[dict[str, str]]) -> str | None:
    """What the first row that differs says, such as "update 120: train/d_loss 0.6931 before, 0.6929 now"."""
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
