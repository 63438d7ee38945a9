"""Real processes, killed for real: the same command, given again, ends with the numbers of one that was not killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gan.runs.comparison import last_checkpoints, rows

ROOT = Path(__file__).parents[2]
COMMAND = (
    sys.executable, str(ROOT / "train.py"), "resume=auto", "data=mnist_sample", "data.batch_size=100",
    "model.generator.hidden=[8]", "model.discriminator.hidden=[8]", "accelerator=cpu", "logger=csv",
    "callbacks.checkpoint.every=3", "trainer.log_every_n_steps=7", "trainer.limit_train_batches=10",
    "augmentation=adaptive", "augmentation.every=4", "augmentation.speed_images=5000",
    *(f"callbacks.{name}=null" for name in ("progress", "samples", "curves", "quality")),
)  # fmt: skip


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes that a test has begun; none outlives it."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def train(run: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, f"hydra.run.dir={run}", *words],
        cwd=run.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_amid_training(process: subprocess.Popen[str], run: Path) -> None:
    last = time.monotonic() + 200
    while not (run / "checkpoints" / "last.ckpt").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < last
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_and_given_again(tmp_path: Path, begin: list[subprocess.Popen[str]], devices: int) -> None:
    words = ("trainer.max_epochs=6", f"trainer.devices={devices}")
    whole, run = tmp_path / "whole", tmp_path / "run"
    begin.append(train(run, *words))
    killed_amid_training(begin[-1], run)
    assert "ended" not in json.loads((run / "run.json").read_text())
    for folder in (run, whole):
        begin.append(train(folder, *words))
        out, told = begin[-1].communicate(timeout=200)
        assert begin[-1].returncode == 0, told
        assert ("resumes  from last.ckpt" in out) == (folder == run)
    assert last_checkpoints(run, whole) == []
    assert rows(run) == rows(whole) != []
    assert not list(run.glob("**/.*.tmp"))
