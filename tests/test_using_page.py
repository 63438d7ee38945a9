"""docs/using.md and docs/look_at_runs.md: their commands run, the Python gives what stands there; shell completion."""

import doctest
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from gan_command import ROOT, GanCommand, command_in
from option_classes import build_generator
from torch.utils.tensorboard import SummaryWriter

from gan.commands import board
from gan.game.latents import Prior
from gan.generators.bundle import FILE_NAME, describe, save_bundle
from gan.generators.pictures import to_pillow

PAGE = (ROOT / "docs" / "using.md").read_text()
RUNS = (ROOT / "docs" / "look_at_runs.md").read_text()
COMMANDS = re.findall(r"^(gan .*?)(?: +#.*)?$", PAGE + RUNS, re.MULTILINE)
NEED_A_PACKAGE = {"export": ("onnx", "onnxscript", "onnxruntime")}


def write_bundle(folder: Path, prior: Prior, num_classes: int, **settings: object) -> None:
    settings = {"hidden": [8], **settings}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_generator(
            "mlp", latent_dim=prior.width, image_shape=(1, 28, 28), num_classes=num_classes, **settings
        )
    data = {"name": "mnist_sample", "origin": "the bundled sample", "class_names": list("0123456789")}
    described = describe(
        "mlp", settings, prior=prior, image_shape=(1, 28, 28), mean=0.5, std=0.5, num_classes=num_classes, data=data
    )
    save_bundle(folder / FILE_NAME, network, described)


def write_run(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"seed": 0, "data": {"name": "mnist"}}))
    (folder / "run.json").write_text(json.dumps({"command": ["train.py"], "ended": {"images_seen": 9}}))
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        writer.add_scalar("train/d_loss", 0.5, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the page's commands find: generators, runs and pictures by the names that it has."""
    write_bundle(tmp_path / "run", Prior("normal", 100), 10, conditioning="concat")
    write_bundle(tmp_path / "infogan", Prior("normal", 62, categorical=(10,), continuous=2), 0)
    write_run(tmp_path / "outputs" / "DATE" / "TIME")
    write_run(tmp_path / "sweeps" / "0")
    drawn = np.random.default_rng(0)
    for name in ("one", "zero", "three", "four", "pullover", "boot", "shirt", "bag"):
        to_pillow(drawn.integers(0, 256, (1, 28, 28)).astype(np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(command)[1:]
    for package in NEED_A_PACKAGE.get(words[0], ()):
        pytest.importorskip(package, reason="gan[export] is not installed")
    monkeypatch.setattr("webbrowser.open", lambda url: None)
    monkeypatch.setattr(board, "wait", lambda: None)
    gan: GanCommand = command_in(folder, monkeypatch)
    assert gan(*words) == 0


def test_the_pages_are_read_as_a_whole() -> None:
    assert {command.split()[1] for command in COMMANDS} == {
        "board", "explore", "export", "interpolate", "invert", "runs", "sample", "show"
    }  # fmt: skip


def test_its_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {}, "docs/using.md", None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(test).attempted >= 12
    assert runner.failures == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, tmp_path: Path) -> None:
    import os

    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from gan.commands.main import main; main()"
    environment = {**os.environ, "_GAN_COMPLETE": f"complete_{shell}", "COMP_WORDS": "gan in", "COMP_CWORD": "1",
                   "_TYPER_COMPLETE_ARGS": "gan in", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert "interpolate" in done.stdout
    assert "invert" in done.stdout
    assert "sample" not in done.stdout
