"""A checkpoint is whole, ours and of a version that we know, or it is refused in one line; nothing in it is run."""

import os
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import KINDS, damage
from hypothesis import given, settings
from hypothesis import strategies as st

from gan.runs.checkpoint_file import CheckpointError, is_intact, newest_first, read_whole, sealed
from gan.runs.checkpoint_io import FORMAT, IN_THE_BACKGROUND, SealedCheckpoints, load

STATE = {"weights": torch.arange(6.0), "game": {"turns": 3}, "names": ["a", "b"], "none": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SealedCheckpoints().save_checkpoint(STATE, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def rewritten(path: Path, state: Any) -> Path:
    """The file with other content under a seal that is right: nobody has damaged it, somebody has made it."""
    torch.save(state, path)
    path.write_bytes(sealed(path.read_bytes()))
    return path


def test_what_is_saved_comes_back_and_others_can_read_it_too(path: Path) -> None:
    for state in (load(path), torch.load(path, weights_only=True)):
        assert torch.equal(state.pop("weights"), STATE["weights"])
        assert state == {**{name: value for name, value in STATE.items() if name != "weights"}, "format": FORMAT}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_the_file_holds_the_moment_of_the_call(tmp_path: Path) -> None:
    weights, files = torch.zeros(1000), SealedCheckpoints()
    for number in range(5):
        weights.fill_(number)
        files.save_checkpoint({"weights": weights}, tmp_path / f"{number}.ckpt", IN_THE_BACKGROUND)
    weights.fill_(99)
    files.teardown()
    assert [load(tmp_path / f"{number}.ckpt")["weights"].unique().tolist() for number in range(5)] == [
        [number] for number in range(5)
    ]


def test_a_background_write_that_fails_is_told_by_the_next_call(tmp_path: Path) -> None:
    files = SealedCheckpoints()
    (tmp_path / "file").write_text("not a folder")
    files.save_checkpoint(STATE, tmp_path / "file" / "last.ckpt", IN_THE_BACKGROUND)
    with pytest.raises(OSError, match="file"):
        files.save_checkpoint(STATE, tmp_path / "last.ckpt")
    files.save_checkpoint(STATE, tmp_path / "last.ckpt")
    files.remove_checkpoint(tmp_path / "last.ckpt")
    assert not (tmp_path / "last.ckpt").exists()


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("where", ["whole", "inside"])
def test_a_pickle_that_would_run_code_is_refused(path: Path, where: str) -> None:
    trace = path.with_name("executed")
    hostile = Hostile(trace)
    rewritten(path, hostile if where == "whole" else {**STATE, "format": 1, "callbacks": [hostile]})
    with pytest.raises(CheckpointError, match="not a readable checkpoint: it contains more than data"):
        load(path)
    path.write_bytes(pickle.dumps(hostile))
    with pytest.raises(CheckpointError, match="not a checkpoint of this program"):
        load(path)
    assert not trace.exists()


def test_a_bomb_is_not_unpacked(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content + bytes(10**7 if name.endswith("/0") else 0))
    path.write_bytes(sealed(path.read_bytes()))
    assert path.stat().st_size < 10**5
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load(path)


def test_versions(path: Path) -> None:
    rewritten(path, {"format": 99})
    with pytest.raises(CheckpointError, match=f"format 99 given, {FORMAT} expected: a newer version wrote it"):
        load(path)
    for other in ([1, 2], {"state_dict": {}}, {"format": "1"}, {"format": True}, {"format": 0}, {"format": -3}):
        with pytest.raises(CheckpointError):
            load(rewritten(path, other))


def test_a_file_that_is_missing_or_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none.ckpt: No such file or directory; a checkpoint expected"):
        read_whole(tmp_path / "none.ckpt")
    for content in (b"", b"PK\x03\x04", bytes(1000), b"<html>"):
        (tmp_path / "x.ckpt").write_bytes(content)
        assert not is_intact(tmp_path / "x.ckpt")
    (tmp_path / "folder.ckpt").mkdir()
    os.mkfifo(tmp_path / "pipe.ckpt")  # which nobody writes to: reading it would wait for ever
    for name in ("folder.ckpt", "pipe.ckpt"):
        with pytest.raises(CheckpointError, match="not a file; a checkpoint expected"):
            read_whole(tmp_path / name)


def test_the_newest_is_first(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for number, name in enumerate(("b.ckpt", "a.ckpt", ".c.ckpt.tmp")):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (number, number))
    assert [path.name for path in newest_first(tmp_path)] == ["a.ckpt", "b.ckpt"]
    (folder / "lost.ckpt").symlink_to("nowhere")
    assert newest_first(tmp_path)[0].name == "lost.ckpt"
    assert newest_first(tmp_path / "none") == []


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkpoints").mkdir()

    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(CheckpointError, match="checkpoints: Permission denied; a folder of checkpoints expected"):
        newest_first(tmp_path)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS), resealed=st.booleans())
def test_a_damaged_file_is_refused_in_one_line(
    seed: int, kind: str, resealed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any damage; with a seal that is right for the damaged bytes too, as of somebody who means it."""
    path = tmp_path_factory.getbasetemp() / "damaged.ckpt"
    rewritten(path, {**STATE, "format": 1})
    whole = path.read_bytes()
    damaged = damage(whole, kind, random.Random(seed))
    path.write_bytes(sealed(damaged) if resealed else damaged)
    try:
        state = load(path)
    except CheckpointError as error:
        assert str(error).count("\n") == 0
        assert str(error).startswith(str(path))
    else:
        assert resealed or damaged == whole
        assert isinstance(state, dict)
