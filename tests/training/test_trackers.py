"""A resumed run continues the same run of its trackers, whose names run.json has."""

import json
from pathlib import Path
from typing import Any

from gan.training.trackers import with_same_run

WANDB = {"_target_": "lightning.pytorch.loggers.WandbLogger", "project": "gan", "save_dir": "."}
MLFLOW = {"_target_": "lightning.pytorch.loggers.MLFlowLogger", "experiment_name": "gan"}
CSV = {"_target_": "gan.loggers.MetricsCSV", "save_dir": "."}


def settings(folder: Path, **nodes: Any) -> dict[str, Any]:
    return {"run_dir": str(folder), "logger": nodes}


def saved(folder: Path, **trackers: str) -> None:
    (folder / "run.json").write_text(json.dumps({"trackers": trackers}))


def test_a_new_run_of_wandb_has_a_name_of_its_own_and_other_loggers_are_as_configured(tmp_path: Path) -> None:
    found = with_same_run(settings(tmp_path, wandb=WANDB, mlflow=MLFLOW, csv=CSV, tensorboard=None), resumed=False)
    assert list(found) == ["wandb", "mlflow", "csv"]
    assert found["mlflow"] == MLFLOW
    assert found["csv"] == CSV
    again = with_same_run(settings(tmp_path, wandb=WANDB), resumed=False)
    assert len(found["wandb"]["id"]) == 8
    assert found["wandb"]["id"] != again["wandb"]["id"]


def test_a_resumed_run_continues_the_runs_in_run_json(tmp_path: Path) -> None:
    saved(tmp_path, wandb="1234abcd", mlflow="f00d")
    found = with_same_run(settings(tmp_path, wandb=WANDB, mlflow=MLFLOW), resumed=True)
    assert found["wandb"] == {**WANDB, "id": "1234abcd", "resume": "allow"}
    assert found["mlflow"] == {**MLFLOW, "run_id": "f00d"}
    new = with_same_run(settings(tmp_path, wandb=WANDB, mlflow=MLFLOW), resumed=False)  # a new run in an old folder
    assert new["wandb"]["id"] != "1234abcd"
    assert new["mlflow"] == MLFLOW


def test_a_name_that_the_user_gives_stays(tmp_path: Path) -> None:
    saved(tmp_path, wandb="1234abcd", mlflow="f00d")
    own = {"wandb": {**WANDB, "id": "mine"}, "mlflow": {**MLFLOW, "run_id": "mine"}}
    assert with_same_run(settings(tmp_path, **own), resumed=True) == own


def test_a_run_of_an_earlier_version_begins_a_new_run_of_its_tracker(tmp_path: Path) -> None:
    found = with_same_run(settings(tmp_path, wandb=WANDB, mlflow=MLFLOW), resumed=True)
    assert len(found["wandb"]["id"]) == 8
    assert found["mlflow"] == MLFLOW
