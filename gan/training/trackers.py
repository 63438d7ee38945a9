"""Experiment trackers: a resumed run continues the same run of Weights & Biases or MLflow.

run.json has the tracker's own name of the run. The modules of the trackers are imported only where they are used.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as L

from gan.config.kinds import given_arguments, locate
from gan.runs import file_names
from gan.runs.run_files import read_json_or_empty

KEY = "trackers"  # of run.json: by the name of the logger's node


def with_same_run(settings: Mapping[str, Any], resumed: bool) -> dict[str, Any]:
    """The nodes of all loggers; those of trackers continue the tracker's run if this run is resumed.

    Args:
        settings: the configuration of the run.
        resumed: whether the run is resumed; else each tracker begins a run.
    """
    saved = _saved(Path(settings["run_dir"])) if resumed else {}
    return {name: _named(node, saved.get(name)) for name, node in settings["logger"].items() if node}


def tracked(trainer: L.Trainer, names: list[str]) -> dict[str, str]:
    """The tracker's name of this run for each logger that is a tracker, for run.json."""
    from lightning.pytorch.loggers import MLFlowLogger, WandbLogger

    found = {}
    for name, logger in zip(names, trainer.loggers, strict=True):
        run = logger.version if isinstance(logger, WandbLogger) else None
        run = logger.run_id if isinstance(logger, MLFlowLogger) else run
        if run:
            found[name] = str(run)
    return found


def _named(node: Mapping[str, Any], run: str | None) -> dict[str, Any]:
    from lightning.pytorch.loggers import MLFlowLogger, WandbLogger

    called, given = locate(node["_target_"]), given_arguments(node)
    if not isinstance(called, type):
        return dict(node)
    if issubclass(called, WandbLogger) and given.get("id") is None and given.get("version") is None:
        return {**node, "id": run or secrets.token_hex(4), "resume": "allow"}
    if issubclass(called, MLFlowLogger) and given.get("run_id") is None and run is not None:
        return {**node, "run_id": run}
    return dict(node)


def _saved(folder: Path) -> Mapping[str, str]:
    found = read_json_or_empty(folder / file_names.FACTS).get(KEY)
    return found if isinstance(found, dict) else {}
