"""Files that a reader never sees half of."""

import errno
import os
from pathlib import Path

import pytest

from gan.system.files import atomic_file, write_bytes


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "file.bin"
    path.parent.mkdir()
    path.write_bytes(b"old")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced(target: Path) -> None:
    write_bytes(target, b"new")
    assert target.read_bytes() == b"new"
    write_bytes(target, b"")
    assert target.read_bytes() == b""
    assert names(target.parent) == ["file.bin"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "b" / "file", b"x")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"x"


def test_until_the_block_has_ended_a_reader_sees_the_old_file(target: Path) -> None:
    with atomic_file(target) as file:
        file.write(b"new, first half;")
        file.flush()
        assert target.read_bytes() == b"old"
        file.write(b" second half")
    assert target.read_bytes() == b"new, first half; second half"


def test_the_temporary_file_is_beside_the_target_and_hidden(target: Path) -> None:
    # beside: a rename within one file system is atomic; hidden: `ls samples/*.png` does not show it
    with atomic_file(target):
        temporary = [name for name in names(target.parent) if name != target.name]
        assert len(temporary) == 1
        assert temporary[0].startswith(".file.bin.")
        assert temporary[0].endswith(".tmp")


@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_the_old_file_and_no_temporary(target: Path, raised: type[BaseException]) -> None:
    with pytest.raises(raised), atomic_file(target) as file:
        file.write(b"half")
        raise raised
    assert target.read_bytes() == b"old"
    assert names(target.parent) == ["file.bin"]


def test_a_block_that_fails_makes_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_file(tmp_path / "file"):
        raise RuntimeError
    assert names(tmp_path) == []


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_temporary(
    target: Path, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, function, full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(target, b"new")
    monkeypatch.undo()
    assert target.read_bytes() == b"old"
    assert names(target.parent) == ["file.bin"]


def test_content_is_on_the_disk_before_it_takes_the_name(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        order.append(f"fsync of {os.fstat(descriptor).st_size} bytes")
        real_fsync(descriptor)

    def replace(source: str, destination: Path) -> None:
        order.append("replace")
        real_replace(source, destination)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_bytes(target, b"12345")
    assert order[:2] == ["fsync of 5 bytes", "replace"]


def test_a_folder_in_the_way_stays_and_leaves_no_temporary(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inner").mkdir(parents=True)
    with pytest.raises(OSError):
        write_bytes(tmp_path / "taken", b"x")
    assert names(tmp_path) == ["taken"]
    assert names(tmp_path / "taken") == ["inner"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_has_the_permissions_that_open_would_give_it(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_bytes(tmp_path / "file", b"x")
        assert os.umask(umask) == umask  # and the process's own umask is as it was
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode
