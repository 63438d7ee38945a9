"""Weights & Biases and MLflow, without a network: settings, numbers and pictures arrive. Each where it is installed."""

from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Compose, Play

from gan.launch.hydra_messages import hydra_message
from gan.training.build import build_trainer
from gan.training.callbacks import GameMonitor, SampleGrids

pytestmark = pytest.mark.filterwarnings("default")  # theirs


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.usefixtures("no_network")
def test_weights_and_biases_offline(play: Play) -> None:
    wandb = pytest.importorskip("wandb", reason="an option: pip install wandb")
    run = play("logger=wandb", callbacks=[GameMonitor(), SampleGrids(count=4)])
    wandb.teardown()  # ends the process that writes the file
    (kept,) = (run.folder / "wandb").glob("offline-run-*")
    content = next(kept.glob("run-*.wandb")).read_bytes()
    assert b"train/d_loss" in content
    assert b"latent_dim" in content
    assert {path.name.split("_")[0] for path in kept.rglob("*.png")} == {"real", "fixed latents"}


@pytest.mark.usefixtures("no_network")
def test_mlflow_in_a_local_store(play: Play) -> None:
    mlflow = pytest.importorskip("mlflow", reason="an option: pip install mlflow")
    pytest.importorskip("sqlalchemy", reason="mlflow-skinny comes without: pip install mlflow")
    run = play("logger=mlflow", callbacks=[GameMonitor(), SampleGrids(count=4)])
    store: Any = mlflow.MlflowClient("sqlite:///mlflow.db")
    (experiment,) = (found for found in store.search_experiments() if found.name == "gan")
    (kept,) = store.search_runs([experiment.experiment_id])
    logged = {point.step: point.value for point in store.get_metric_history(kept.info.run_id, "train/d_loss")}
    assert logged == dict(run.logged.having("train/d_loss"))
    assert kept.data.params["model/latent_dim"] == "3"
    assert kept.info.status == "FINISHED"
    pictures = [file.path for file in store.list_artifacts(kept.info.run_id, "images")]
    assert any("real" in path for path in pictures)
    assert len([path for path in pictures if "fixed latents" in path and path.endswith(".png")]) == 3  # before, 1, 2


@pytest.mark.parametrize(("option", "package"), [("wandb", "wandb"), ("mlflow", "mlflow")])
def test_without_its_package_a_message_says_what_to_install(
    option: str, package: str, compose_settings: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"lightning.pytorch.loggers.{option}"
    available = "_WANDB_AVAILABLE" if option == "wandb" else "_MLFLOW_AVAILABLE"

    class Missing:
        def __bool__(self) -> bool:
            return False

        def __str__(self) -> str:
            return f"Requirement '{package}>=1' not met. HINT: Try running `pip install -U '{package}>=1'`"

    monkeypatch.setattr(f"{module}.{available}", Missing())
    if option == "mlflow":
        monkeypatch.setattr(f"{module}._MLFLOW_SKINNY_AVAILABLE", Missing(), raising=False)
    with pytest.raises(Exception, match="Requirement") as raised:
        build_trainer(compose_settings(f"logger={option}", "callbacks=none"))
    assert hydra_message(raised.value).endswith(f" needs a package that is not installed: pip install '{package}>=1'")


@pytest.mark.parametrize("option", ["wandb", "mlflow", "default", "csv"])
def test_each_keeps_metrics_csv_beside(option: str, compose_settings: Compose) -> None:
    settings = compose_settings(f"logger={option}")
    assert settings["logger"]["csv"]["_target_"] == "gan.loggers.MetricsCSV"
