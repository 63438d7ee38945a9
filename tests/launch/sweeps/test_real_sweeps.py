"""Sweeps as a user runs them: killed with -9 in the middle; of runs by two processes; as conf/sweep/ has them."""

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import yaml

from gan.runs.comparison import last_checkpoints, rows

ROOT = Path(__file__).parents[3]
SMALL = (
    "data=mnist_sample",
    "model.generator.hidden=[8]",
    "model.discriminator.hidden=[8]",
    "accelerator=cpu",
    "callbacks=none",
)
LONG = (
    "+callbacks.checkpoint._target_=gan.callbacks.LastCheckpoint",
    "+callbacks.monitor._target_=gan.callbacks.GameMonitor",
    "logger=csv",
    "trainer.max_epochs=60",
    "trainer.limit_train_batches=5",
)
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """``python train.py -m …`` in an empty folder."""

    def started(*words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), "-m", *SMALL, *words],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return started


def to_the_end(process: subprocess.Popen[str]) -> str:
    told, _ = process.communicate(timeout=200)
    assert process.returncode == 0, told
    return told


@pytest.mark.slow
def test_killed_with_9_and_given_again_it_has_the_numbers_of_one_left_alone(start: Start, tmp_path: Path) -> None:
    words = (*LONG, "seed=1,2")
    alone = start(*words, "hydra.sweep.dir=alone")
    killed = start(*words)
    last = time.monotonic() + 200
    while not next(tmp_path.glob("multirun/*/*/seed-2_*/checkpoints/last.ckpt"), None):
        assert killed.poll() is None, killed.communicate()
        assert time.monotonic() < last
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    before, _ = killed.communicate()
    assert before.count("Trained for ") == 1

    told = to_the_end(start(*words))
    assert "2 jobs: 1 finished, 1 skipped (finished before), 0 failed." in told
    assert told.count("Trained for ") == 1
    to_the_end(alone)
    for run in (tmp_path / "alone").glob("seed-*"):
        (other,) = tmp_path.glob(f"multirun/*/*/{run.name}")
        assert rows(run) == rows(other)
        assert len(rows(run)) >= 60
        assert last_checkpoints(run, other) == []
    facts = json.loads(next(tmp_path.glob("multirun/*/*/seed-2_*/run.json")).read_text())
    assert len(facts["resumed"]) == 1
    assert facts["overrides"] == [*SMALL, *LONG, "seed=2"]


@pytest.mark.slow
def test_each_job_of_a_sweep_is_one_run_by_two_processes(start: Start, tmp_path: Path) -> None:
    probe = """
        import functools, os
        if "RANK" in os.environ:  # a rank of a run: says what its optimizers are made with
            import torch
            made = torch.optim.Adam.__init__
            @functools.wraps(made)
            def noted(self, params, **arguments):
                made(self, params, **arguments)
                with open(os.environ["PROBE"], "a") as file:
                    file.write(f"{os.environ['RANK']}/{os.environ['WORLD_SIZE']} {arguments['lr']}\\n")
            torch.optim.Adam.__init__ = noted
    """
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(textwrap.dedent(probe))
    words = ("optimizer.lr=1e-4,2e-4", "trainer.devices=2", "trainer.max_epochs=1", "trainer.limit_train_batches=3")
    words = (*words, "logger=none")
    environment = {"PROBE": str(tmp_path / "probe"), "PYTHONPATH": str(tmp_path / "site")}
    told = to_the_end(start(*words, "hydra.sweep.dir=both", **environment))
    assert "2 jobs: 2 finished" in told
    noted = sorted(set((tmp_path / "probe").read_text().splitlines()))
    assert noted == [f"{rank}/2 {lr}" for rank in (0, 1) for lr in (0.0001, 0.0002)]
    runs = sorted((tmp_path / "both").glob("optimizer.lr-*"))
    assert [yaml.safe_load((run / "config.yaml").read_text())["optimizer"]["lr"] for run in runs] == [1e-4, 2e-4]
    assert [json.loads((run / "run.json").read_text())["machine"]["processes"] for run in runs] == [2, 2]


@pytest.mark.slow
def test_a_search_of_two_runs_at_a_time_goes_by_what_each_has_measured(tmp_path: Path) -> None:
    words = [word for word in SMALL if word != "callbacks=none"]
    space = ["hydra/sweeper=optuna", "hydra.sweeper.trials=4", "hydra.sweeper.n_jobs=2", "hydra.sweep.dir=s"]
    lengths = ["trainer.max_epochs=1", "trainer.limit_train_batches=5", "optimizer.lr=tag(log,interval(1e-5,1e-2))"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "-m", *words, *space, *lengths],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    trials = optuna.load_study(study_name="sweep", storage=f"sqlite:///{tmp_path / 's' / 'study.db'}").get_trials()
    measured = {run.parent: fcd_of(run) for run in (tmp_path / "s").glob("*/metrics.csv")}
    assert len(measured) == 4
    assert sorted(trial.values[0] for trial in trials) == pytest.approx(sorted(measured.values()))
    rates = {yaml.safe_load((run / "config.yaml").read_text())["optimizer"]["lr"]: fcd for run, fcd in measured.items()}
    assert {trial.params["optimizer.lr"]: trial.values[0] for trial in trials} == pytest.approx(rates)


def fcd_of(file: Path) -> float:
    with file.open(newline="") as opened:
        return next(float(row["quality/fcd"]) for row in csv.DictReader(opened) if row["quality/fcd"])
