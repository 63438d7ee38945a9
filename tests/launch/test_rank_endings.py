"""Something happens to one process of several: all end soon, the cause is told, the last checkpoint is whole."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gan.runs.checkpoint_io import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").exists(), reason="looks for the processes in /proc"),
]
ROOT = Path(__file__).parents[2]
SECONDS = 30.0
ENDLESS = (
    "data=mnist_sample", "data.batch_size=100", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]",
    "callbacks.progress=null", "callbacks.samples=null", "callbacks.curves=null", "callbacks.quality=null",
    "accelerator=cpu", "logger=none", "trainer.max_epochs=100000", "trainer.limit_train_batches=20",
    "trainer.devices=2", "hydra.run.dir=mine",
)  # fmt: skip
BUG = """
    import os
    if os.environ.get("RANK") == "1":
        import torch
        step = torch.optim.Adam.step
        def broken(self, *arguments):
            if os.path.exists("trouble"):
                raise ZeroDivisionError("a bug in rank 1")
            return step(self, *arguments)
        torch.optim.Adam.step = broken
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``python train.py trainer.devices=2 …``, in a group of its own, once its first checkpoint is there."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(textwrap.dedent(BUG))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}"}
    yield from begun(tmp_path, [sys.executable, str(ROOT / "train.py")], environment)


def begun(folder: Path, program: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*program, *ENDLESS],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    last = time.monotonic() + 200
    while not (folder / "mine" / "checkpoints" / "last.ckpt").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < last
        time.sleep(0.1)
    yield process
    for pid in left(folder):
        os.kill(pid, signal.SIGKILL)
    process.kill()
    process.communicate()


def left(folder: Path) -> list[int]:
    """The processes that still run in this folder."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cwd") if is_in(path, folder)]


def is_in(link: Path, folder: Path) -> bool:
    try:
        state = (link.parent / "stat").read_text().rpartition(")")[2].split()[0]
        return os.readlink(link) == str(folder) and state != "Z"
    except OSError:
        return False


def rank(folder: Path, number: int) -> int:
    """The process id of a rank."""
    ours = [f"RANK={number}".encode(), b"GAN_PROCESS="]
    return next(
        pid for pid in left(folder) if all(any(part.startswith(own) for part in variables_of(pid)) for own in ours)
    )


def variables_of(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def outcome(process: subprocess.Popen[str], folder: Path) -> tuple[int, str]:
    """The exit code, and what was told, of a run whose processes all end in time and leave a whole checkpoint."""
    began = time.monotonic()
    _, told = process.communicate(timeout=SECONDS)
    while left(folder):
        assert time.monotonic() - began < SECONDS, "a process is left"
        time.sleep(0.05)
    print(f"all ended after {time.monotonic() - began:.1f} s, exit code {process.returncode}: {told.strip()[:300]!r}")
    assert load(folder / "mine" / "checkpoints" / "last.ckpt")["game"]["g_updates"] > 0
    return process.returncode, told


def test_a_rank_that_raises(run: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / "trouble").touch()
    code, told = outcome(run, tmp_path)
    assert code == 1
    assert told.startswith("rank 1 of 2 processes failed:\nTraceback (most recent call last):\n")
    assert told.rstrip().endswith("ZeroDivisionError: a bug in rank 1")
    assert told.count("Traceback") == 1


@pytest.mark.parametrize("number", [0, 1])
def test_sigterm_to_one_rank(run: subprocess.Popen[str], tmp_path: Path, number: int) -> None:
    os.kill(rank(tmp_path, number), signal.SIGTERM)
    code, told = outcome(run, tmp_path)
    assert code == 128 + signal.SIGTERM
    assert "one of 2 processes was stopped by SIGTERM\nIts files are in mine/" in told
    assert "Traceback" not in told


def test_sigterm_to_the_group_lets_it_save(run: subprocess.Popen[str], tmp_path: Path) -> None:
    os.killpg(run.pid, signal.SIGTERM)
    code, told = outcome(run, tmp_path)
    assert code == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM. Its files are in mine/" in told
    assert "Traceback" not in told
    progress = load(tmp_path / "mine" / "checkpoints" / "last.ckpt")["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    assert progress["current"]["processed"] % 10 == 0  # they agree on the end at every tenth minibatch


@pytest.mark.parametrize("number", [0, 1])
def test_a_rank_that_is_killed(run: subprocess.Popen[str], tmp_path: Path, number: int) -> None:
    os.kill(rank(tmp_path, number), signal.SIGKILL)
    code, told = outcome(run, tmp_path)
    assert code == 128 + signal.SIGKILL
    assert told.startswith(f"rank {number} of 2 processes was ended by SIGKILL (by hand, or because memory ran out)\n")
    assert "Traceback" not in told


def test_a_port_in_use_is_no_concern_of_ours(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_PORT": port, "MASTER_ADDR": "127.0.0.1"}
        process = next(begun(tmp_path, [sys.executable, str(ROOT / "train.py")], environment))
    process.send_signal(signal.SIGTERM)
    assert outcome(process, tmp_path)[0] == 128 + signal.SIGTERM
