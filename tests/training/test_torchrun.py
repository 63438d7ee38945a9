"""One run on two machines, as torchrun begins it on each: here two agents of one machine."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from train_command import ROOT, SMALL

pytestmark = pytest.mark.slow
SECONDS = 30.0


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def node(folder: Path, number: int, port: int, *words: str) -> subprocess.Popen[str]:
    """What is typed on one of two machines, each with one process."""
    agent = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", f"--node-rank={number}"]
    meeting = ["--master-addr=127.0.0.1", f"--master-port={port}"]
    settings = ["accelerator=cpu", "trainer.num_nodes=2", "trainer.devices=1", *words]
    return subprocess.Popen(
        [*agent, *meeting, str(ROOT / "train.py"), *SMALL, *settings],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_machines_train_what_two_processes_of_one_do(tmp_path: Path, port: int) -> None:
    nodes = [node(tmp_path, number, port, "hydra.run.dir=two") for number in (0, 1)]
    told = [process.communicate(timeout=200) for process in nodes]
    assert [process.returncode for process in nodes] == [0, 0], told
    assert "Newest grid:" in told[0][0]
    assert "Newest grid:" not in told[1][0]
    assert json.loads((tmp_path / "two" / "run.json").read_text())["machine"]["processes"] == 2

    alone = [
        sys.executable,
        str(ROOT / "train.py"),
        *SMALL,
        "accelerator=cpu",
        "trainer.devices=2",
        "hydra.run.dir=one",
    ]
    subprocess.run(alone, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, check=True)
    files = [(tmp_path / name / "samples" / "epoch_0002.png").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = node(tmp_path, 0, int(taken.getsockname()[1]), "hydra.run.dir=mine")
        _, told = first.communicate(timeout=SECONDS)
    assert first.returncode == 1
    assert "EADDRINUSE" in told
    assert not (tmp_path / "mine").exists()
