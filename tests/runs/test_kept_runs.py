"""Runs that an earlier version wrote (tests/kept_runs) are read, sampled, resumed, repeated and compared as ever."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from gan_command import ROOT, command_in
from train_command import Train, run_train, train_in

from gan import load_generator
from gan.runs.checkpoint_io import load
from gan.runs.comparison import rows

KEPT = ROOT / "tests" / "kept_runs" / "247fcdb"
RUNS = ("finished", "interrupted", "two_processes", "alternating_epochs", "sweep/optimizer.lr-0.001_1e4cbadd")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of all kept runs, in a folder where they were not written."""
    return Path(shutil.copytree(KEPT, tmp_path / "kept"))


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    return train_in(tmp_path, monkeypatch, capfd)


def state(run: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = load(run / "checkpoints" / "last.ckpt")["state_dict"]
    return weights


@pytest.mark.parametrize("run", RUNS)
def test_a_kept_generator_is_sampled_from_python_and_by_command(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_generator(KEPT / run).sample(3, seed=1).shape == (3, 1, 28, 28)
    assert command_in(tmp_path, monkeypatch)("sample", KEPT / run, "--n", "4", "--out", "grid.png") == 0
    assert (tmp_path / "grid.png").stat().st_size > 100


def test_the_kept_runs_are_listed_shown_and_reported(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gan = command_in(tmp_path, monkeypatch)
    assert gan("runs", kept) == 0
    listed = capsys.readouterr().out
    assert all(run.split("/")[-1] in listed for run in RUNS), listed
    assert gan("show", kept / "finished") == 0
    assert gan("report", kept, "--out", "report.html") == 0
    table = (tmp_path / "report.md").read_text()
    assert all(run.split("/")[-1].replace("_", r"\_") in table for run in RUNS)
    kept_rows = [line for line in (KEPT / "report.md").read_text().splitlines() if line.startswith("| 1 | ")]
    assert [cell in table for cell in ("99.1", "171.7", "4,979.1")] == [True] * 3, kept_rows


def test_an_interrupted_kept_run_is_resumed_to_what_an_undisturbed_one_gives(
    train: Train, tmp_path: Path, kept: Path
) -> None:
    resumed = train(f"resume={kept / 'interrupted'}")
    assert resumed.returncode == 0, resumed.stderr
    words = json.loads((kept / "interrupted" / "run.json").read_text())["overrides"]
    whole = train(*words, "hydra.run.dir=whole")
    assert whole.returncode == 0, whole.stderr
    theirs, ours = state(kept / "interrupted"), state(tmp_path / "whole")
    assert theirs.keys() == ours.keys()
    # another processor wrote the first part: equal to rounding, not bit for bit
    assert all(torch.allclose(theirs[name], ours[name], rtol=1e-3, atol=1e-4) for name in ours)
    with (kept / "interrupted" / "metrics.csv").open(newline="") as file:
        turns = [row["step"] for row in csv.DictReader(file) if row["train/d_loss"]]
    assert len(turns) == len(set(turns)) == 12


def test_a_finished_kept_run_is_trained_longer(train: Train, kept: Path) -> None:
    told = train(f"resume={kept / 'finished'}")
    assert told.returncode == 0 and "finished" in told.stdout
    longer = train(f"resume={kept / 'alternating_epochs'}", "trainer.max_epochs=4")
    assert longer.returncode == 0, longer.stderr
    assert load(kept / "alternating_epochs" / "checkpoints" / "last.ckpt")["game"]["g_updates"] == 12


@pytest.mark.slow
@pytest.mark.parametrize("run", ["two_processes", "interrupted"])
def test_a_kept_run_of_processes_of_its_own_is_resumed(run: str, kept: Path, tmp_path: Path) -> None:
    longer = run_train(tmp_path, f"resume={kept / run}", "trainer.max_epochs=5")
    assert longer.returncode == 0, longer.stderr
    assert load(kept / run / "checkpoints" / "last.ckpt")["game"]["g_updates"] == 30


def test_a_kept_run_is_repeated_to_the_same_rows(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gan = command_in(tmp_path, monkeypatch)
    code = gan("repeat", kept / "finished", "--out", tmp_path / "again")
    told = capfd.readouterr().out
    # bit for bit with the processor and threads that wrote it; else to rounding, and the first difference is named
    assert (code == 0 and "bit for bit" in told) or (code == 1 and "Different numbers, first at update" in told), told
    for before, now in zip(rows(kept / "finished"), rows(tmp_path / "again"), strict=True):
        assert before.keys() == now.keys()
        for name in before.keys() & {"train/d_loss", "train/g_loss", "step", "images_seen"}:
            assert float(before[name] or 0) == pytest.approx(float(now[name] or 0), rel=1e-4)
    assert state(tmp_path / "again").keys() == state(kept / "finished").keys()
