"""``python train.py …`` as a user runs it, in a folder, and settings that make it short."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
