"""Between the command line and the run: folders of their own for runs that begin in the same second; tracebacks."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf
from train_command import train_in

from gan.launch import hydra_job
from gan.system.errors import ConfigError


@pytest.fixture
def hydra(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Hydra as it stands in a job that was begun with these words."""

    def stands(*words: str) -> None:
        own = [word for word in words if word.startswith("hydra")]
        task = [word for word in words if word not in own]
        node = OmegaConf.create({"overrides": {"hydra": own, "task": task}, "mode": "RUN"})
        monkeypatch.setattr("gan.launch.hydra_job.HydraConfig.get", lambda: node)
        monkeypatch.setattr("gan.launch.hydra_job.HydraConfig.initialized", lambda: True)

    return stands


def configuration(folder: Path) -> DictConfig:
    config = OmegaConf.create({"run_dir": str(folder), "trainer": {"default_root_dir": "${run_dir}"}})
    OmegaConf.set_struct(config, True)
    return config


def test_a_default_folder_that_is_taken_gives_way_to_the_next(tmp_path: Path, hydra: Callable[..., None]) -> None:
    hydra("seed=1", "hydra.mode=RUN")
    names = []
    for _ in range(3):
        settings = hydra_job.claim_run_folder(configuration(tmp_path / "12-00-00"), {})
        assert settings["trainer"]["default_root_dir"] == settings["run_dir"]
        assert yaml.safe_load(Path(settings["run_dir"], "config.yaml").read_text()) == settings
        names.append(Path(settings["run_dir"]).name)
    assert names == ["12-00-00", "12-00-00-2", "12-00-00-3"]


@pytest.mark.parametrize("word", ["hydra.run.dir=mine", "hydra.sweep.dir=mine", "hydra.sweep.subdir=x", "run_dir=mine"])
def test_a_folder_that_the_user_named_is_that_folder(tmp_path: Path, hydra: Callable[..., None], word: str) -> None:
    hydra("seed=1", word)
    hydra_job.claim_run_folder(configuration(tmp_path / "mine"), {})
    with pytest.raises(ConfigError, match="already contains a run"):
        hydra_job.claim_run_folder(configuration(tmp_path / "mine"), {})
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_job_sees_the_environment_as_the_user_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    seen: list[Any] = []
    job = hydra_job.job(lambda _: seen.append(os.environ.get("HYDRA_FULL_ERROR")))

    def main() -> None:
        seen.append(os.environ.get("HYDRA_FULL_ERROR"))
        job(DictConfig({}))

    monkeypatch.setattr("sys.argv", ["train.py"])
    assert hydra_job.run_command(main) == 0
    assert seen == ["1", None]
    assert "HYDRA_FULL_ERROR" not in os.environ


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["trainer.limit_train_batches=0.001"],
            "trainer.limit_train_batches: 0.001 given, and an epoch has 141 minibatch",
        ),
        (["trainer.devices=[0]"], "trainer.devices: [0] given, which is for GPUs"),
        (["trainer.num_nodes=2"], "trainer.num_nodes: 2 given, but there is only this process"),
    ],
    ids=["minibatches", "devices", "nodes"],
)
def test_what_the_machine_cannot_do_is_one_message_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    done = train_in(tmp_path, monkeypatch, capfd)("data=mnist_sample", "accelerator=cpu", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
