"""A search as a user runs it, with jobs that are ended early, and its report; and one that is killed with -9."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gan_command import in_a_process

optuna = pytest.importorskip("optuna", reason="pip install -e '.[sweeps]'")

ROOT = Path(__file__).parents[3]
EPOCHS, BATCHES = 4, 20
SMALL = (
    "data=mnist_sample",
    "model.generator.hidden=[16]",
    "model.discriminator.hidden=[16]",
    "accelerator=cpu",
    "callbacks.progress=null",
    "callbacks.quality.n=200",
    "callbacks.quality.every=1280",  # of 64 x 20 images: after every epoch
    f"trainer.max_epochs={EPOCHS}",
    f"trainer.limit_train_batches={BATCHES}",
)
SEARCH = (
    "hydra/sweeper=optuna",
    "hydra.sweeper.trials=6",
    "hydra.sweeper.sampler=random",
    "hydra.sweeper.prune=true",
    "hydra.sweeper.prune_after=[1,1]",
    "optimizer.lr=tag(log,interval(1e-6,1e-2))",
    "hydra.sweep.dir=found",
)


def run(folder: Path, program: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / program), *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_hopeless_jobs_are_ended_early_and_reported_apart(tmp_path: Path) -> None:
    told = run(tmp_path, "train.py", "-m", *SMALL, *SEARCH)
    study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{tmp_path / 'found' / 'study.db'}")
    states = [trial.state.name for trial in study.trials]
    early = states.count("PRUNED")
    assert 1 <= early <= 5
    assert states.count("COMPLETE") == 6 - early
    assert f"6 jobs: {6 - early} finished, 0 skipped (finished before), {early} stopped early by the search" in told
    pruned = [path.parent for path in (tmp_path / "found").rglob("pruned.json")]
    assert len(pruned) == early
    for folder in pruned:
        why, ended = (json.loads((folder / name).read_text()) for name in ("pruned.json", "run.json"))
        assert ended["ended"]["images_seen"] == why["measurement"] * 64 * BATCHES < EPOCHS * 64 * BATCHES
        assert why["quality/fcd"] > why["median"]
    assert not list(tmp_path.rglob("failed.json"))
    assert in_a_process("report", "found", folder=tmp_path).returncode == 0
    assert f"Not ranked: {early} stopped early by the search" in (tmp_path / "report.md").read_text()


@pytest.mark.slow
def test_killed_with_9_at_random_and_while_it_writes_it_finds_what_one_left_alone_does(tmp_path: Path) -> None:
    told = run(tmp_path, "benchmarks/kill_search.py", "--trials", "4", "--kills", "2", "--in-writes", "2")
    assert "NO " not in told
