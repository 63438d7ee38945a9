"""`gan show`: what a run is, in lines of a terminal, and as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from gan_command import GanCommand, command_in
from written_runs import write_run

from gan.report.terminal_charts import images, plot


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    monkeypatch.setenv("COLUMNS", "80")
    return command_in(tmp_path, monkeypatch)


@pytest.fixture
def fixed(tmp_path: Path) -> np.ndarray:
    """A run, and the images of its last epoch."""
    folder = write_run(tmp_path / "run", fcd=3.25, command=("train.py", "experiment=lsgan", "hydra.run.dir=run"))
    drawn = np.random.default_rng(0).integers(0, 256, (2, 6, 1, 28, 28)).astype(np.uint8)
    np.savez(folder / "samples" / "fixed_latents.npz", images=drawn)
    return np.asarray(drawn[-1])


def test_what_is_shown(fixed: np.ndarray, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("show", "run") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "run"
    for title, cell in {"data": "mnist", "state": "finished", "FCD": "3.25", "images seen": "200"}.items():
        assert any(line.split(title)[-1].strip() == cell for line in lines if line.strip().startswith(title))
    assert "python train.py experiment=lsgan" in out
    assert "  optimizer  Adam (lr 0.001, betas [0.5,0.999], generator.lr 0.001)" in lines
    told = lines.index("train/d_loss: 1 … 2, last 1; 200 images")
    assert lines[told + 1 : told + 4] == plot([2.0, 1.0], width=80, height=3)
    assert lines[-1 - 2 * 7 :] == ["newest grid: run/samples/epoch_0002.png", *images(fixed, columns=80)]


def test_in_colour(fixed: np.ndarray, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("show", "run", "--colour", "always") == 0
    assert capsys.readouterr().out.endswith("\n".join(images(fixed, columns=80, colour=True)) + "\n")
    assert gan("show", "run", "--colour", "blue") == 2
    assert "--colour: no such option 'blue'" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_images_that_cannot_be_read_are_left_out(
    fixed: np.ndarray, content: bytes, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run" / "samples" / "fixed_latents.npz").write_bytes(content)
    assert gan("show", "run") == 0
    assert capsys.readouterr().out.endswith("newest grid: run/samples/epoch_0002.png\n")


def test_a_run_that_has_only_begun(tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "run", ended=False, rows=())
    (folder / "samples" / "epoch_0002.png").unlink()
    assert gan("show", "run") == 0
    assert capsys.readouterr().out.splitlines()[1:3] == ["  data     mnist", "  state    interrupted"]


def test_json(fixed: np.ndarray, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("show", "run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["fcd"], told["settings"]["optimizer"]["lr"]) == ("finished", 3.25, 1e-3)
    assert told["last"]["train/d_loss"] == 1.0
    assert told["newest_grid"] == "run/samples/epoch_0002.png"
