"""Which folders are runs, and what a run says of itself."""

import fcntl
import json
import os
from pathlib import Path

import pytest
from written_runs import write_quality, write_run

from gan.runs.reading import find_runs, read_run
from gan.system.errors import GanError


def test_all_runs_below_a_folder_are_found_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10", "2", "1"):
        write_run(tmp_path / "multirun" / "day" / name)
    (tmp_path / "multirun" / "day" / "tensorboard").mkdir()
    assert [run.name for run in find_runs([tmp_path])] == ["1", "2", "10"]


def test_a_run_that_is_given_twice_is_there_once(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "one")
    assert len(find_runs([run, tmp_path / "runs", run / ".." / "one"])) == 1


def test_runs_of_the_same_name_are_told_apart_by_where_they_lie(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / where / "10-00-00") for where in ("monday", "tuesday")]
    assert [run.name for run in find_runs(folders)] == ["monday/10-00-00", "tuesday/10-00-00"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("none", "there is no such folder"), ("file", "this is a file"), ("empty", "no run in this folder")],
)
def test_what_holds_no_run_is_told_in_one_line(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GanError) as error:
        find_runs([tmp_path / name])
    assert str(error.value).startswith(f"{tmp_path / name}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["config.yaml", "run.json", "quality.json"])
def test_a_broken_file_is_named(file: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", fcd=1.0)
    for content in ("[1, {", "3"):
        (run / file).write_text(content)
        with pytest.raises(GanError) as error:
            read_run(run)
        assert str(error.value).startswith(f"{run / file}: cannot be read: ")
        assert "\n" not in str(error.value)


def test_a_run_that_has_ended_says_how_far_it_came(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run"))
    assert (run.state(now=0), run.count("g_updates"), run.count("images_seen"), run.seconds) == (
        "finished",
        1234,
        200,
        90,
    )


def test_without_locks_a_run_that_has_not_ended_runs_as_long_as_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan.system.locks.fcntl", None)
    folder = write_run(tmp_path / "run", ended=False)
    for file in ("config.yaml", "run.json"):
        os.utime(folder / file, (1_000, 1_000))
    os.utime(folder / "metrics.csv", (2_000_000_000, 2_000_000_000))
    run = read_run(folder)
    assert run.state(now=2_000_000_300) == "running"
    assert run.state(now=2_000_000_900) == "interrupted"
    assert run.count("images_seen") == 200
    assert run.count("g_updates") is None
    assert run.seconds is not None
    assert run.seconds > 0


def test_a_run_holds_its_folder_as_long_as_it_lives(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", ended=False)
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert read_run(folder).state(now=5e9) == "running"
    os.close(held)
    assert read_run(folder).state(now=0) == "interrupted"


@pytest.mark.parametrize(
    ("end", "state", "why"),
    [
        ({}, "interrupted", ""),
        ({"cut": {"by": "SIGTERM"}}, "interrupted", "SIGTERM"),
        ({"failed": {"error": "RuntimeError: out of\nmemory"}}, "failed", "RuntimeError: out of memory"),
        ({"failed": {"error": "RuntimeError: it went on"}, "ended": {"images_seen": 1}}, "finished", ""),
    ],
)
def test_how_a_run_ended_early(tmp_path: Path, end: dict[str, object], state: str, why: str) -> None:
    folder = write_run(tmp_path / "run", ended=False)
    (folder / "run.json").write_text(json.dumps({**json.loads((folder / "run.json").read_text()), **end}))
    run = read_run(folder)
    assert (run.state(now=5e9), run.why) == (state, why)


def test_a_run_that_has_logged_nothing_yet_can_be_read(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", ended=False, rows=())
    (folder / "metrics.csv").unlink()
    run = read_run(folder)
    assert (run.curves, run.count("images_seen"), run.seconds, run.quality) == ({}, None, None, {})


def test_the_data_that_stood_in_are_those_of_the_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", data="mnist")
    facts = (folder / "run.json").read_text().replace('"used": "mnist"', '"used": "mnist_sample"')
    (folder / "run.json").write_text(facts)
    assert read_run(folder).data == "mnist_sample"


def test_alarms_are_lines(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    assert read_run(folder).alarms == []
    (folder / "alarms.json").write_text('[{"message": "D wins since epoch 3"}, "classes missing"]')
    assert read_run(folder).alarms == ["D wins since epoch 3", "classes missing"]


def test_measures_are_those_of_quality_json(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    write_quality(folder, fcd=4.5)
    assert read_run(folder).quality["fcd"] == 4.5
