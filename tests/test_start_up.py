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


@pytest.mark.parametrize(
    "words",
    [
        "sample outputs/typo",
        "interpolate outputs/typo",
        "explore outputs/typo",
        "invert outputs/typo picture.png",
        "export outputs/typo",
        "evaluate outputs/typo",
        "demo outputs/typo",
        "watch outputs/typo",
        "report outputs/typo",
        "show outputs/typo",
        "runs outputs/typo",
        "repeat outputs/typo",
        "board outputs/typo",
        "train resume=outputs/typo",
        "sample latest",
    ],
)
def test_a_wrong_path_is_reported_without_torch(tmp_path: Path, words: str) -> None:
    script = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from gan.commands.main import main
try:
    main()
finally:
    print(sorted({HEAVY - {"numpy"}!r} & set(sys.modules)))"""
    done = subprocess.run(
        [sys.executable, "-c", script, *words.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "[]\n"), done.stderr
    assert done.stderr.count("\n") == 1
    assert "outputs/typo" in done.stderr or "latest: there is no run" in done.stderr


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
