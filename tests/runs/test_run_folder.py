"""A run folder belongs to one run, has room, and is not left behind by a run that never began."""

import shutil
import threading
from collections import namedtuple
from pathlib import Path

import pytest
import yaml

from gan.runs import run_folder
from gan.runs.run_folder import ClaimedError, claim, claimed, undo_on_failure
from gan.system.errors import ConfigError

Usage = namedtuple("Usage", "total used free")


def settings(folder: Path, **others: object) -> dict[str, object]:
    return {"run_dir": str(folder), **others}


def test_the_settings_are_left_in_a_folder_that_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "run"
    claim(settings(folder, seed=3))
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
    assert yaml.safe_load((folder / "config.yaml").read_text()) == settings(folder, seed=3)
    assert claimed() == folder


@pytest.mark.parametrize("name", ["metrics.csv", "losses.png", "samples/mine.png", "generator.safetensors"])
def test_files_that_a_run_would_overwrite_are_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        ConfigError, match=f"contains no run, but files that a run would overwrite: {Path(name).parts[0]};"
    ):
        claim(settings(tmp_path))
    assert (tmp_path / name).read_text() == "mine"
    assert not (tmp_path / "config.yaml").exists()
    (tmp_path / name).unlink()


def test_a_variable_in_the_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "elsewhere")
    with pytest.raises(ConfigError, match=r"a name without a variable such as \$HOME expected"):
        claim(settings(tmp_path / "run $MINE"))
    assert list(tmp_path.iterdir()) == []
    claim(settings(tmp_path / "run $UNKNOWN 5$"))


def test_other_files_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    claim(settings(tmp_path))
    assert (tmp_path / "config.yaml").exists()


def test_of_many_that_want_a_folder_one_gets_it(tmp_path: Path) -> None:
    start, outcomes = threading.Barrier(8), []

    def want(number: int) -> None:
        start.wait()
        try:
            claim(settings(tmp_path, number=number))
            outcomes.append(number)
        except ClaimedError as error:
            assert "already contains a run" in str(error)

    threads = [threading.Thread(target=want, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["number"] == outcomes[0]


def test_a_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    claim(settings(tmp_path, seed=1))
    with pytest.raises(ClaimedError):
        claim(settings(tmp_path, seed=2))
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 12_345_678, 12_345_678))
    folder = tmp_path / "run"
    with pytest.raises(ConfigError) as told, undo_on_failure(folder):
        claim(settings(folder))
    assert str(told.value) == f"hydra.run.dir: {folder} given, but its disk has only 12 MB left; 50 MB expected"
    assert not folder.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as told:
        claim(settings(tmp_path / "file" / "run"))
    assert str(told.value) == f"hydra.run.dir: {tmp_path}/file/run cannot be written: Not a directory"


def test_a_start_that_fails_leaves_nothing_of_its_own(tmp_path: Path) -> None:
    made, own = tmp_path / "day" / "time", tmp_path / "day" / "time-2"
    made.mkdir(parents=True)
    (tmp_path / "other").touch()
    with pytest.raises(ZeroDivisionError), undo_on_failure(made):
        claim(settings(own))
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert claimed() is None


def test_a_start_that_fails_leaves_the_working_folder_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "a" / "here"
    (here / "run").mkdir(parents=True)
    monkeypatch.chdir(here)
    with pytest.raises(ConfigError), undo_on_failure(here / "run"):
        raise ConfigError("a mistake")
    assert here.exists()
    assert not (here / "run").exists()


def test_a_start_that_fails_leaves_anothers_run_alone(tmp_path: Path) -> None:
    claim(settings(tmp_path, seed=1))
    with pytest.raises(ClaimedError), undo_on_failure(tmp_path):
        claim(settings(tmp_path, seed=2))
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["seed"] == 1


def test_a_start_that_succeeds_keeps_its_folder(tmp_path: Path) -> None:
    with undo_on_failure(tmp_path):
        claim(settings(tmp_path))
    assert (tmp_path / "config.yaml").exists()
    assert run_folder.claimed() == tmp_path


def test_empty_folders_are_removed_up_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    working, elsewhere = tmp_path / "working", tmp_path / "elsewhere" / "a" / "b" / "run"
    run_dir = working / "outputs" / "day" / "time"
    for folder in (run_dir, elsewhere):
        folder.mkdir(parents=True)
    monkeypatch.chdir(working)
    run_folder.remove_empty(run_dir)
    assert list(working.iterdir()) == []
    run_folder.remove_empty(elsewhere)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_with_something_in_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_dir = tmp_path / "outputs" / "time"
    run_dir.mkdir(parents=True)
    (tmp_path / "outputs" / "kept").touch()
    run_folder.remove_empty(run_dir)
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["kept"]
