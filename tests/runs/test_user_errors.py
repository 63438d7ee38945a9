"""What ends a run from without is told in a line or two, with what is left and how to go on."""

import datetime
import errno
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, Play

from gan.runs import user_errors
from gan.runs.checkpoint_file import is_intact, newest_first
from gan.system import files
from gan.system.errors import RunError
from gan.training.callbacks import GameMonitor, GeneratorBundle, LastCheckpoint, SampleGrids


def told(error: Exception, folder: Path, **data: Any) -> str:
    shown = user_errors.to_user_error(error, folder, data.get("batch_size"))
    assert isinstance(shown, RunError)
    assert shown.exit_code == 1
    return str(shown)


def test_no_memory_left(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as cpu:
        torch.empty(2**60, dtype=torch.uint8)
    assert told(cpu.value, tmp_path, batch_size=4096).splitlines()[1] == (
        "Try: optimizer.accumulate=2 (the same training with less memory), data.batch_size=2048, or smaller networks."
    )
    cuda = torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 9.00 GiB. GPU 0 has a total capacity of 8.00 GiB. Of the allocated …"
    )
    assert told(cuda, tmp_path, batch_size=8).splitlines()[0] == (
        "Out of memory, with data.batch_size=8: CUDA out of memory. Tried to allocate 9.00 GiB"
    )
    assert told(MemoryError(), tmp_path).splitlines()[0] == "Out of memory: of the host"


def test_the_batch_size_is_that_of_the_run_folder(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("data: {batch_size: 30}\n")
    assert "data.batch_size=15" in told(MemoryError(), tmp_path, batch_size=64)


def test_a_port_that_another_process_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
        monkeypatch.setenv("MASTER_PORT", str(port))
        with pytest.raises(RuntimeError) as error:
            torch.distributed.TCPStore("127.0.0.1", port, 2, is_master=True, timeout=datetime.timedelta(seconds=5))
    assert told(error.value, tmp_path).splitlines()[:1] == [
        f"The processes of this run cannot connect: another process uses their port, 127.0.0.1:{port}."
    ]


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    for error in (RuntimeError("shapes"), FileNotFoundError(errno.ENOENT, "No such file", "elsewhere"), OSError("x")):
        assert user_errors.to_user_error(error, tmp_path) is error


class At(L.callbacks.Checkpoint):
    """Calls something after so many minibatches, before the checkpoint is written."""

    def __init__(self, turns: int, call: Callable[[], None]) -> None:
        self.turns, self.call = turns, call

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
        if pl_module.turns == self.turns:
            self.call()


def played(play: Play, *callbacks: L.Callback) -> None:
    others = (GameMonitor(), SampleGrids(count=4), GeneratorBundle(), LastCheckpoint(every=2))
    run = play("logger=csv", "trainer.log_every_n_steps=2", callbacks=[*callbacks, *others])
    run.trainer.strategy.teardown()


def test_a_folder_that_goes_under_a_run_is_told_and_not_made_anew(play: Play, tmp_path: Path) -> None:
    def move() -> None:
        while not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists():  # it is written in the background
            time.sleep(0.01)
        shutil.move(tmp_path / "run", tmp_path / "elsewhere")

    with pytest.raises(FileNotFoundError) as gone:
        played(play, At(BATCHES + 2, move))
    words = told(gone.value, tmp_path / "run")
    assert words.endswith(
        "No such file or directory: it was moved or deleted while the run trained. The earlier content is unchanged."
    )
    assert is_intact(tmp_path / "elsewhere" / "checkpoints" / "last.ckpt")
    assert not (tmp_path / "run").exists()


def in_place(path: Path) -> None:
    """A file in place of a folder, or a folder in place of a file: nobody can write there, root included."""
    was_file = path.is_file()
    path.unlink() if was_file else shutil.rmtree(path)
    path.mkdir() if was_file else path.write_bytes(b"")


@pytest.mark.parametrize(
    ("name", "damage", "answer"),
    [
        ("", shutil.rmtree, "it was moved or deleted while the run trained"),
        ("tensorboard", shutil.rmtree, "it was moved or deleted while the run trained"),
        ("tensorboard", in_place, "check the folder and its disk"),
        ("metrics.csv", os.unlink, "it was moved or deleted while the run trained"),
        ("metrics.csv", in_place, "check the folder and its disk"),
        ("samples", in_place, "check the folder and its disk"),
    ],
)
def test_whichever_writer_meets_it_first_it_is_one_message(
    play: Play,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    name: str,
    damage: Callable[[Path], None],
    answer: str,
) -> None:
    folder = tmp_path / "run"

    def run() -> None:
        others = (GameMonitor(), SampleGrids(count=4), LastCheckpoint())
        damaging = At(2 * BATCHES, lambda: damage(folder / name))
        play("logger=default", "trainer.max_epochs=20", callbacks=[damaging, *others]).trainer.strategy.teardown()

    with user_errors.one_message(), pytest.raises(OSError) as failed:
        run()
    if damage is in_place and isinstance(failed.value, FileNotFoundError):  # met before the other was in its place
        answer = "it was moved or deleted while the run trained"
    assert f"{answer}. The earlier content is unchanged." in told(failed.value, folder)
    assert "Traceback" not in capfd.readouterr().err
    assert folder.exists() == bool(name)  # it is not created again, in part


def test_a_write_that_knows_no_name_is_about_the_run_folder(tmp_path: Path) -> None:
    """As TensorBoard's on a full disk; its names are bytes."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert told(full, tmp_path).startswith(f"{tmp_path} cannot be written: No space left on device: make room.")
    named = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fsencode(tmp_path / "tensorboard" / "events"))
    assert told(named, tmp_path).startswith(f"{tmp_path}/tensorboard/events cannot be written: ")
    refused = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    assert user_errors.to_user_error(refused, tmp_path) is refused


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_every_write_can_fail_and_what_was_there_stays(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The first, the second … of a run's writes fails: each file is the old or the new one, and whole."""
    writes = {"so far": 0, "whole": 10**6}
    real = os.fsync

    def failing(descriptor: int) -> None:
        writes["so far"] += 1
        if writes["so far"] > writes["whole"]:
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", failing)
    played(play)
    total, folder = writes["so far"], tmp_path / "run"
    assert total > 30
    for whole in range(0, total, 9):
        shutil.rmtree(folder)
        writes |= {"so far": 0, "whole": whole}
        with pytest.raises(OSError, match=os.strerror(number)) as failed:
            played(play)
        assert os.strerror(number) in told(failed.value, folder)
        assert not list(folder.glob("**/.*.tmp"))
        assert all(is_intact(path) for path in newest_first(folder))
        for path in folder.glob("**/*.png"):
            open_picture(path)


def open_picture(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()
