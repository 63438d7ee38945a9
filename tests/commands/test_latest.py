"""The word latest: it names the newest run below outputs/ in every command that takes a run."""

import os
from pathlib import Path
from typing import Any

import pytest
from gan_command import GanCommand
from PIL import Image
from tiny_bundles import whole_bundle
from train_command import SMALL, Train, train_in
from written_runs import write_run

from gan.commands import board as board_command
from gan.commands import demo as demo_command
from gan.runs.latest import named_run

NEWEST = Path("outputs/2026-01-01/10-00-00")
NAMED = f"latest: {NEWEST}\n"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The folder of two runs; the newest comes first in the alphabet, and has a generator."""
    for name, started in ((NEWEST, 2_000_000_000), (Path("outputs/mine"), 1_000_000_000)):
        folder = write_run(tmp_path / name)
        os.utime(folder / "config.yaml", (started, started))
    whole_bundle(tmp_path / "made").rename(tmp_path / NEWEST / "generator.safetensors")
    (tmp_path / NEWEST / "tensorboard").mkdir()
    (tmp_path / NEWEST / "tensorboard" / "events.out.tfevents.1").write_bytes(b"")
    Image.new("L", (5, 4)).save(tmp_path / "picture.png")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "sample latest",
        "interpolate latest --seeds 0,1",
        "explore latest",
        "invert latest picture.png --steps 1 --restarts 1",
        "export latest --to html --out exported",
        "report latest",
        "show latest",
        "runs latest",
    ],
)
def test_commands_that_end_at_once(runs: Path, gan: GanCommand, capfd: pytest.CaptureFixture[str], words: str) -> None:
    assert gan(*words.split()) == 0
    told = capfd.readouterr()
    assert NAMED in told.err
    if words.split(maxsplit=1)[0] in ("report", "show", "runs"):
        assert "10-00-00" in told.out
        assert "mine" not in told.out


@pytest.mark.parametrize("words", ["evaluate latest", "repeat latest"])
def test_commands_that_refuse_this_run_name_it(
    runs: Path, gan: GanCommand, capfd: pytest.CaptureFixture[str], words: str
) -> None:
    if words.startswith("repeat"):
        (runs / NEWEST / "metrics.csv").unlink()
    assert gan(*words.split()) == 2
    named, message = capfd.readouterr().err.splitlines(keepends=True)[:2]
    assert named == NAMED
    assert str(NEWEST) in message or words.startswith("evaluate")


@pytest.mark.parametrize("words", ["demo latest", "watch latest"])
def test_pages(runs: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    served: list[Any] = []

    def serve(models: Any, runs: list[Path], *arguments: Any, **more: Any) -> None:
        served.extend([models.names, runs])

    monkeypatch.setattr(demo_command, "_serve", serve)
    assert gan(*words.split()) == 0
    assert served[1] == [NEWEST]


def test_tensorboard(runs: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Path] = []

    def launch(folder: Path, **more: Any) -> str:
        served.append(folder)
        return "http://here"

    monkeypatch.setattr(board_command, "launch", launch)
    monkeypatch.setattr(board_command, "wait", lambda: None)
    assert gan("board", "latest", "--no-browser") == 0
    assert served == [NEWEST]


def test_a_run_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    train: Train = train_in(tmp_path, monkeypatch, capfd)
    quick = (*SMALL, "logger=none", "callbacks.quality=null", "callbacks.samples=null", "callbacks.alarms=null")
    assert train(*quick, "trainer.max_epochs=1").returncode == 0
    (run,) = (path.parent for path in (tmp_path / "outputs").rglob("config.yaml"))
    done = train("resume=latest", "trainer.max_epochs=2")
    assert done.returncode == 0, done.stderr
    assert f"latest: {run.relative_to(tmp_path)}" in done.stderr
    assert "Trained for 12 generator updates" in done.stdout


def test_a_folder_of_that_name_wins(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    assert named_run(Path("latest")) == NEWEST
    (runs / "latest").mkdir()
    assert named_run(Path("latest")) == Path("latest")


def test_a_resumed_run_is_the_newest(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    (runs / "outputs" / "mine" / "config.yaml").touch()
    os.utime(runs / "outputs" / "mine" / "config.yaml", (3_000_000_000, 3_000_000_000))
    assert named_run(Path("latest")) == Path("outputs/mine")


def test_no_run(tmp_path: Path, gan: GanCommand, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "outputs" / "empty").mkdir(parents=True)
    assert gan("sample", "latest") == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.startswith("latest: there is no run below outputs/ here; give a run folder, or start a run: ")
