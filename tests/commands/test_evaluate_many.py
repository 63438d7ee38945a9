"""`gan evaluate` of a folder of runs: what is skipped, what fails, and what it says at the end."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_evaluate import QUICK, Evaluate, bundle, evaluate_command

from gan.generators.bundle import FILE_NAME
from gan.metrics import evaluating_many
from gan.system.errors import GanError


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Evaluate:
    return evaluate_command(monkeypatch, tmp_path)


def write_finished(folder: Path, seed: int, *, ended: bool = True) -> Path:
    bundle(folder / FILE_NAME, seed=seed, data={"name": "mnist_sample"})
    (folder / "config.yaml").write_text(f"seed: {seed}\nrun_dir: {folder}\n")
    (folder / "run.json").write_text(json.dumps({"ended": {"epochs": 1}} if ended else {}))
    return folder


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two finished runs, one that was interrupted, and one whose generator is damaged."""
    for seed in (0, 1):
        write_finished(tmp_path / "sweep" / str(seed), seed)
    write_finished(tmp_path / "sweep" / "cut", 2, ended=False)
    (write_finished(tmp_path / "sweep" / "damaged", 3) / FILE_NAME).write_bytes(b"no generator")
    return tmp_path / "sweep"


def test_a_folder_is_evaluated_run_by_run_and_a_failure_is_told_at_the_end(sweep: Path, gan: Evaluate) -> None:
    done = gan(sweep, *QUICK)
    assert done.exit_code == 1, done.output
    progress = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert [line.split(" ", 2)[0] for line in progress] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert progress[0] == f"[1/4] {sweep / 'cut'}: skipped, because its state is interrupted"
    assert progress[1] == f"[2/4] {sweep / 'damaged'}: failed"
    assert progress[2].startswith(f"[3/4] {sweep / '0'}: FCD ")
    assert done.stderr.count(f"1 of 4 failed:\n  {sweep / 'damaged'}: ") == 1
    assert [(sweep / name / "quality.json").exists() for name in ("0", "1", "cut")] == [True, True, False]
    assert "(2 seeds)" in done.stdout


def test_what_was_evaluated_with_the_same_settings_is_skipped(
    sweep: Path, gan: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = gan(sweep, *QUICK)
    measured: list[Path] = []
    original: Any = evaluating_many.measure

    def measure(source: Path, *arguments: object, **options: object) -> object:
        measured.append(source)
        return original(source, *arguments, **options)

    monkeypatch.setattr(evaluating_many, "measure", measure)
    again = gan(sweep, *QUICK)
    assert measured == []
    assert again.stderr.count("skipped, evaluated before with these settings: FCD ") == 2
    assert again.stdout == first.stdout  # the same table, from quality.json
    bundle(sweep / "1" / FILE_NAME, seed=9, data={"name": "mnist_sample"})  # trained further: other weights
    gan(sweep, *QUICK)
    assert measured == [sweep / "1"]
    gan(sweep, "--n", "220", "--kid-subset", "100")
    assert measured == [sweep / "1", sweep / "0", sweep / "1"]
    gan(sweep, "--n", "220", "--kid-subset", "100", "--force")
    assert measured[3:] == [sweep / "0", sweep / "1"]


def test_a_sweep_of_which_no_job_has_started_says_why(tmp_path: Path, gan: Evaluate) -> None:
    (tmp_path / "s" / "seed-1").mkdir(parents=True)
    (tmp_path / "s" / "seed-1" / "failed.json").write_text('{"reason": "optimizer.lr: -1 given"}')
    done = gan(tmp_path / "s", *QUICK)
    assert done.exit_code != 0
    assert "none of the sweep's jobs has started; seed-1 failed: optimizer.lr: -1 given" in str(done.exception)


def test_a_folder_that_is_given_twice_is_evaluated_once(sweep: Path) -> None:
    runs = {sweep / name: True for name in ("cut", "damaged", "0", "1")}
    assert evaluating_many.expand([sweep, sweep]) == runs
    assert evaluating_many.expand([sweep / "0", sweep]) == {**runs, sweep / "0": False}


def test_a_mistake_in_an_option_is_one_message(sweep: Path, gan: Evaluate) -> None:
    (sweep / "damaged" / FILE_NAME).unlink()
    done = gan(sweep / "0", sweep / "1", "--data", "nosuch")
    assert isinstance(done.exception, GanError)
    assert "nosuch" in str(done.exception)


def test_an_unreadable_file_of_a_run_does_not_cost_the_table(sweep: Path, gan: Evaluate) -> None:
    (sweep / "1" / "alarms.json").write_text("{broken")
    done = gan(sweep / "0", sweep / "1", *QUICK)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("(real mnist_sample)") == 1


def test_json_has_an_entry_for_each_run(sweep: Path, gan: Evaluate) -> None:
    done = gan(sweep, *QUICK, "--json")
    assert done.exit_code == 1
    rows = {Path(row["source"]).name: row for row in json.loads(done.stdout)}
    assert sorted(rows) == ["0", "1", "damaged"]
    assert rows["0"]["quality"]["n"] == 200
    assert "generator.safetensors" in rows["damaged"]["error"]
