"""Several processes are started together and end together, and what went wrong is told once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gan.launch import launcher
from gan.launch.launcher import launch
from gan.runs import reading as report
from gan.runs import run_end, run_folder
from gan.system import process, rank_errors, signals, subprocesses

Launch = Callable[..., int]


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """A file with these lines, and what most of them need."""

    def written(*lines: str) -> str:
        file = tmp_path / "script.py"
        file.write_text("\n".join(["import os, signal, sys, time", "rank = int(os.environ['RANK'])", *lines, ""]))
        return str(file)

    return written


@pytest.fixture
def train(compose_settings: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[[str], int]:
    """Train on two processes, and let something happen to the second; the exit code."""

    def trained(trouble: str) -> int:
        settings = compose_settings(
            "data=mnist_sample",
            "data.batch_size=10",
            "model.generator.hidden=[8]",
            "model.discriminator.hidden=[8]",
            "accelerator=cpu",
            "trainer.devices=2",
            "callbacks=none",
            "logger=none",
            "trainer.max_epochs=50",
        )
        file = tmp_path / "settings.json"
        file.write_text(json.dumps(settings))
        return launch([str(Path(__file__).parents[1] / "rank_report.py")], [str(file), str(tmp_path), trouble], 2)

    return trained


def test_the_ranks_know_who_they_are_and_share_the_cores(
    script: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(launcher, "cores", lambda: 8)
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "OMP_NUM_THREADS")
    file = script(f"open(os.path.join({str(tmp_path)!r}, f'rank{{rank}}'), 'w').write(",
                  f"    ' '.join(os.environ[name] for name in {names}))")  # fmt: skip
    assert launch([file], [], 2) == 0
    assert [(tmp_path / f"rank{rank}").read_text() for rank in range(2)] == ["0 0 2 4", "1 1 2 4"]


def test_the_users_own_number_of_threads_stands(
    script: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    file = script(f"open({str(tmp_path)!r} + f'/{{rank}}', 'w').write(os.environ['OMP_NUM_THREADS'])")
    assert launch([file], [], 2) == 0
    assert [(tmp_path / str(rank)).read_text() for rank in range(2)] == ["3", "3"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_cores_are_those_that_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert launcher.cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_the_exit_code_is_that_of_the_rank_that_failed(
    script: Callable[..., str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert launch([script("sys.exit(3 * rank)")], [], 2) == 3
    assert capfd.readouterr().err == "rank 1 of 2 processes ended with exit code 3\n"


def test_all_end_when_one_fails(script: Callable[..., str]) -> None:
    assert launch([script("sys.exit(4) if rank else time.sleep(600)")], [], 2) == 4


def test_a_rank_that_will_not_end_is_ended_by_force(
    script: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocesses, "GRACE_SECONDS", 1.0)
    file = script(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "time.sleep(600) if rank == 0 else sys.exit(5)",
    )
    assert launch([file], [], 2) == 5


def test_a_mistake_in_a_rank_is_its_message_alone(
    train: Callable[[str], int], capfd: pytest.CaptureFixture[str]
) -> None:
    assert train("mistake") == 2
    assert capfd.readouterr().err == "an image is broken\n"


@pytest.mark.slow
def test_a_bug_in_a_rank_is_one_traceback(train: Callable[[str], int], capfd: pytest.CaptureFixture[str]) -> None:
    assert train("bug") == 1
    told = capfd.readouterr().err
    assert told.startswith("rank 1 of 2 processes failed:\nTraceback (most recent call last):\n")
    assert told.endswith("ZeroDivisionError: a bug\n")
    assert told.count("Traceback") == 1


def test_a_rank_that_is_killed_is_told_and_ends_the_other(
    train: Callable[[str], int], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "claimed", lambda: None)
    assert train("kill") == 128 + signal.SIGKILL
    assert capfd.readouterr().err == "rank 1 of 2 processes was ended by SIGKILL (by hand, or because memory ran out)\n"


def test_the_first_of_several_errors_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(process.VARIABLE, json.dumps({"errors": str(tmp_path)}))
    for rank, error in (
        (1, ValueError("the cause")),
        (1, ValueError("later")),
        (0, ConnectionError("the consequence")),
    ):
        monkeypatch.setenv("RANK", str(rank))
        assert rank_errors.leave(error) == 1
        time.sleep(0.01)
    (tmp_path / "2.tmp").write_text('{"half')
    first = rank_errors.first(tmp_path)
    assert first is not None
    assert (first.rank, first.exit_code, first.text) == (1, 1, "ValueError: the cause")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], report.Run]:
    """The run of this process's launch, whose first rank was asked to end and has said so; read when it is called."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text("seed: 0\n")
    (folder / "run.json").write_text('{"cut": {"by": "SIGTERM"}}')
    monkeypatch.setattr(run_folder, "claimed", lambda: folder)
    return lambda: report.read_run(folder)


@pytest.mark.parametrize(
    ("trouble", "code", "state", "why"),
    [
        ("raise ZeroDivisionError('a bug')", 1, "failed", "rank 1: ZeroDivisionError: a bug"),
        ("raise DataError('an image is broken')", 2, "failed", "DataError: an image is broken"),
        ("os._exit(7)", 7, "failed", "rank 1 ended with exit code 7"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "interrupted", "SIGKILL to rank 1"),
        ("sys.exit(143)", 143, "interrupted", "SIGTERM"),  # as all end where all were asked to: the first has said why
        ("pass", 0, "interrupted", "SIGTERM"),
    ],
)
def test_the_folder_says_of_which_rank_the_run_has_died(
    script: Callable[..., str], run: Callable[[], report.Run], trouble: str, code: int, state: str, why: str
) -> None:
    file = script(
        "from omegaconf import DictConfig",
        "from gan.launch import hydra_job",
        "from gan.system.errors import DataError",
        "def main(_):",
        f"    if rank: {trouble}",
        "sys.exit(hydra_job.run_command(lambda: hydra_job.job(main)(DictConfig({}))))",
    )
    assert launch([file], [], 2) == code
    assert (run().state(time.time()), run().why) == (state, why)


def test_ctrl_c_is_not_told_as_what_the_ranks_were_sent(
    run: Callable[[], report.Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(command: object, processes: int) -> launcher.Outcome:
        raise signals.Stopped(signal.SIGINT)

    monkeypatch.setattr(launcher, "_run", stopped)
    with pytest.raises(signals.Stopped):
        launch(["script.py"], [], 2)
    assert run().why == "Ctrl-C"


def test_a_run_that_has_ended_well_stays_so(run: Callable[[], report.Run]) -> None:
    (run().folder / "run.json").write_text('{"ended": {"seconds": 5}}')
    run_end.record_early_end(run().folder, "failed", error="too late")
    assert run().state(time.time()) == "finished"
    assert "failed" not in run().facts


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for the processes in /proc")
def test_ranks_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    rank = tmp_path / "rank.py"
    rank.write_text(
        "import os, pathlib, time\n"
        "from gan.launch import hydra_job\n"
        "def main(_):\n"
        f"    pathlib.Path({str(tmp_path)!r}, os.environ['RANK'] + '.pid').write_text(str(os.getpid()))\n"
        "    time.sleep(600)\n"
        "hydra_job.run_command(lambda: hydra_job.job(main)({}))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", f"from gan.launch.launcher import launch; launch([{str(rank)!r}], [], 2)"]
    )
    files = [tmp_path / "0.pid", tmp_path / "1.pid"]
    until(lambda: all(file.exists() and file.read_text() for file in files))
    parent.kill()
    parent.wait()
    pids = [int(file.read_text()) for file in files]
    until(lambda: not any(alive(pid) for pid in pids))


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something that takes a moment, longer on a busy machine."""
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last, "it did not come about"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
