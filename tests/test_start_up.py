"""What is imported for what: nobody waits for torch who asks for help, or for Lightning who uses a generator."""

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_bundles import whole_bundle

ROOT = Path(__file__).parent.parent
GAN = ("-c", "from gan.commands.main import main; main()")
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
    assert "gan.system.errors" in imported
    assert not imported & not_needed
    assert done.stdout


def test_a_generator_is_used_and_measured_without_what_trains_one(tmp_path: Path) -> None:
    whole_bundle(tmp_path)
    script = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from gan import load_generator
from gan.generators.inversion import invert
generator = load_generator("run")
images = generator.sample(2)
generator.latent_walk([0, 1], steps=2)
invert(generator, images[0], steps=1)
import gan.data.sources, gan.metrics.evaluating
heavy = {{"lightning", "pytorch_lightning", "hydra", "omegaconf", "torchvision", "torchmetrics", "matplotlib"}}
print(sorted(heavy & set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
