"""Who asks for help need not wait for torch: what the commands import before they have anything to compute."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GAN = ("-c", "from gan.cli import main; main()")
HEAVY = {"torch", "lightning", "torchvision", "torchmetrics", "matplotlib", "numpy"}


@pytest.mark.parametrize(
    ("words", "not_needed"),
    [
        ((*GAN, "--help"), {*HEAVY, "hydra"}),
        ((*GAN, "runs", "--help"), {*HEAVY, "hydra"}),
        (("train.py", "--help"), HEAVY),
    ],
    ids=["gan", "gan runs", "train.py"],
)
def test_help_imports_nothing_that_takes_long(words: tuple[str, ...], not_needed: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words], cwd=ROOT, check=True, capture_output=True, text=True, timeout=120
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "gan.errors" in imported
    assert not imported & not_needed
    assert done.stdout
