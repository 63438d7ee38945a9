"""``python train.py …`` for tests, as a shell would run it or in this process, and settings that make it short."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

ROOT = Path(__file__).parent.parent
Train = Callable[..., subprocess.CompletedProcess[str]]
SMALL = (
    "data=mnist_sample",
    "data.batch_size=32",
    "model.generator.hidden=[16]",
    "model.discriminator.hidden=[16]",
    "trainer.max_epochs=2",
    "trainer.limit_train_batches=6",
    "trainer.log_every_n_steps=3",
    "callbacks.samples.count=4",
)


def run_train(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``python train.py …`` in a folder."""
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def train_here(folder: Path, patch: pytest.MonkeyPatch, *words: str) -> int:
    """The same in this process, which need not import everything anew; its exit code."""
    patch.chdir(folder)
    patch.setattr(sys, "argv", [str(ROOT / "train.py"), *words])
    patch.setattr(sys, "path", list(sys.path))  # a run adds its folder
    patch.setattr(HydraConfig.instance(), "cfg", None)
    GlobalHydra.instance().clear()
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
    assert isinstance(end.value.code, int)
    return end.value.code


def train_in(folder: Path, patch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    """``train("seed=1", …)``: ``python train.py …`` in a folder, in this process, and what it has said."""

    def train(*words: str) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        code = train_here(folder, patch, *words)
        told = capfd.readouterr()
        return subprocess.CompletedProcess(["train.py", *words], code, told.out, told.err)

    return train
