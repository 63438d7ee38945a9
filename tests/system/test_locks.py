"""Temporary folders that outlive a killed process are removed by the next one of their kind, and no others are."""

import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

import pytest

from gan.system.locks import temporary_folder

KIND = "gan-tests-"


def make_and_be_killed(folder: str) -> None:
    tempfile.tempdir = folder
    with temporary_folder(KIND) as (path, _):
        (path / "0").write_text("a report")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_has_left_is_removed_at_the_next_start(folder: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=make_and_be_killed, args=(str(folder),))
    process.start()
    process.join()
    (left,) = names(folder)
    assert left.startswith(KIND)
    (folder / f"{KIND}file").write_text("no folder")
    (folder / "elsewhere").mkdir()
    (folder / f"{KIND}link").symlink_to("elsewhere")
    (folder / "gan-mine").mkdir()
    with temporary_folder(KIND) as (path, _):
        assert names(folder) == sorted(["elsewhere", f"{KIND}file", f"{KIND}link", "gan-mine", path.name])
        assert left != path.name
    assert names(folder) == ["elsewhere", "gan-mine", f"{KIND}file", f"{KIND}link"]


def test_what_a_living_process_or_its_children_hold_stays(folder: Path) -> None:
    with temporary_folder(KIND) as (path, descriptor):
        inherited = os.dup(descriptor)
        with temporary_folder(KIND) as (other, _):
            assert names(folder) == sorted([path.name, other.name])
    path.mkdir()  # as if this process had been killed; its child lives
    os.close(inherited)
    with temporary_folder(KIND):
        assert path.name not in names(folder)


def test_where_there_are_no_locks_nobody_knows_and_all_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.system.locks.fcntl", None)
    (folder / f"{KIND}x").mkdir()
    with temporary_folder(KIND):
        pass
    assert names(folder) == [f"{KIND}x"]


def test_another_users_folder_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / f"{KIND}x").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: os.stat(folder).st_uid + 1)
    with temporary_folder(KIND):
        pass
    assert names(folder) == [f"{KIND}x"]
