"""`gan runs`: a table, JSON, and what it says where there is nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gan_command import ROOT, GanCommand, command_in
from written_runs import write_run


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_run(tmp_path / "outputs" / "day" / "1", fcd=3.25, command=("train.py", "experiment=lsgan"))
    write_run(tmp_path / "multirun" / "day" / "0", data="fashion", ended=False)
    return tmp_path


def test_a_table(runs: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("runs", "--sort", "run") == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["run", "data", "images", "seen", "FCD", "missing", "started", "state", "recipe"],
        ["multirun/day/0", "fashion", "200", "-", "-", "2026-01-01T10:00", "interrupted", "-"],
        ["outputs/day/1", "mnist", "200", "3.25", "0", "2026-01-01T10:00", "finished", "lsgan"],
        [],
        ["1", "interrupted,", "1", "finished"],
    ]


def test_json_is_of_numbers(runs: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("runs", "outputs", "multirun", "--filter", "state=finished", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["folder"], row["run"], row["images"], row["minutes"]) == ("outputs/day/1", "outputs/day/1", 200, 1.5)
    assert (row["fcd"], row["recall"], row["state"], row["recipe"]) == (3.25, None, "finished", "lsgan")


def test_a_run_that_cannot_be_read_hides_no_other(
    runs: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "outputs" / "day" / "1" / "run.json").write_text("{")
    assert gan("runs") == 0
    out, err = capsys.readouterr()
    assert "multirun/day/0" in out
    assert "outputs/day/1" not in out
    assert err.startswith("outputs/day/1/run.json: cannot be read: ")


def test_jobs_that_never_started_are_named(
    runs: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    job = runs / "seed-3_ab12cd34"
    job.mkdir()
    (job / "failed.json").write_text(json.dumps({"reason": "penalty.gama: no such setting"}))
    assert gan("runs", runs) == 0
    assert capsys.readouterr().err == "not started: seed-3_ab12cd34: penalty.gama: no such setting\n"


def test_none_is_such(runs: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("runs", "--filter", "state=running") == 0
    assert capsys.readouterr().out == "No runs match the filter (2 checked).\n"


def test_torch_is_not_imported(runs: Path) -> None:
    script = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
sys.argv[1:] = ["runs"]
from gan.commands.main import main
try:
    main()
finally:
    print("torch" in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", script], cwd=runs, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
