"""Jobs of a sweep side by side: each a process of its own, which shares the cores and ends with the sweep."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pretended_sweeps import Sweeps
from pretended_train import FATES

from gan.launch.sweeps import side_by_side
from gan.system import cpu_threads

ROOT = Path(__file__).parents[3]
MISSING = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", cpu_threads.SHARE_VARIABLE)


@pytest.fixture
def fates(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``fates({1: "broken"})``: what becomes of the job with that seed."""
    for name in MISSING:
        monkeypatch.delenv(name, raising=False)
    return lambda by_seed: monkeypatch.setenv(FATES, json.dumps(by_seed))


def test_jobs_run_at_the_same_time_and_are_told_of_as_one_after_the_other(
    sweeps: Sweeps, fates: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cpu_threads, "_our_cpus", lambda: frozenset(range(7)))
    fates({0: "meets 1", 1: "meets 0", 2: "broken", 3: "killed"})
    words = ("seed=0,1,2,3", "hydra.sweeper.n_jobs=2", "hydra.sweep.dir=s")
    assert sweeps(*words) == 128 + signal.SIGKILL
    shown = capfd.readouterr()
    assert "4 jobs: 2 finished, 0 skipped (finished before), 2 failed." in shown.out
    assert "a job of the sweep (seed=2): seed: 2 given, another one expected\n" in shown.err
    assert "a job of the sweep (seed=3): was ended by SIGKILL (by hand, or because memory ran out)\n" in shown.err
    facts = [json.loads(path.read_text()) for path in sorted(Path("s").glob("seed-*/run.json"))]
    assert [fact["resume"] for fact in facts] == ["auto", "auto"]
    mine = {"OMP_NUM_THREADS": "3", "GOMP_SPINCOUNT": str(cpu_threads.SPINS_IN_COMPANY), "OMP_WAIT_POLICY": "passive"}
    assert [{name: fact["seen"][name] for name in mine} for fact in facts] == [mine, mine]
    assert (next(Path("s").glob("seed-2_*")) / "output.log").read_text().endswith("another one expected\n")

    fates({})
    assert sweeps(*words) == 0
    assert "4 jobs: 2 finished, 2 skipped (finished before), 0 failed." in capfd.readouterr().out
    assert sweeps("seed=0,1,2,3", "hydra.sweep.dir=s") == 0  # the same jobs as one after the other
    assert sweeps.trained == []


def test_a_signal_ends_all_jobs_and_then_the_sweep(
    sweeps: Sweeps, fates: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    fates({0: "endless", 1: "endless"})

    def stop_when_both_run() -> None:
        until(lambda: len(list(Path("s").glob("seed-*/process"))) == 2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_when_both_run, daemon=True).start()
    assert sweeps("seed=0,1,2", "hydra.sweeper.n_jobs=2", "hydra.sweep.dir=s") == 128 + signal.SIGTERM
    assert [path.read_text() for path in Path("s").glob("seed-*/stopped")] == ["SIGTERM", "SIGTERM"]
    told = capfd.readouterr().err.splitlines()[-1]
    assert told.startswith("Stopped by SIGTERM. Finished jobs are kept. To resume the rest:  python ")
    assert not list(Path("s").glob("*/failed.json"))


@pytest.mark.slow
def test_jobs_end_when_the_sweep_is_killed(sweeps: Sweeps, fates: Callable[..., None]) -> None:
    fates({0: "endless", 1: "endless"})
    words = ("-m", "seed=0,1", "hydra.sweeper.n_jobs=2", "hydra.sweep.dir=s")
    program = [sys.executable, str(sweeps.script), "--config-path", str(sweeps.conf), "--config-name", "config"]
    parent = subprocess.Popen([*program, *words], env={**os.environ, "PYTHONPATH": str(ROOT)})
    until(lambda: len(list(Path("s").glob("seed-*/process"))) == 2)
    parent.kill()
    parent.wait()
    until(lambda: len(list(Path("s").glob("seed-*/stopped"))) == 2)


def test_it_takes_one_job_at_least(sweeps: Sweeps, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweeps("seed=0,1", "hydra.sweeper.n_jobs=0") == 2
    assert capsys.readouterr().err == "hydra.sweeper.n_jobs: 0 given, 1 or more expected\n"


@pytest.mark.parametrize(
    ("slots", "given", "count", "seen"),
    [
        (2, None, 0, [None, None]),
        (2, None, 1, [None, None]),
        (3, None, 2, ["0", "0", "1"]),
        (2, None, 3, ["0", "1,2"]),
        (3, None, 4, ["0", "1", "2,3"]),
        (2, None, 4, ["0,1", "2,3"]),
        (2, "5,GPU-7", 8, ["5", "GPU-7"]),
        (2, "", 8, [None, None]),
    ],
)
def test_gpus_are_dealt_out(slots: int, given: str | None, count: int, seen: list[str | None]) -> None:
    environment = {} if given is None else {"CUDA_VISIBLE_DEVICES": given}
    dealt = [side_by_side.gpus_of(slot, slots, environment, lambda: count) for slot in range(slots)]
    assert [own.get("CUDA_VISIBLE_DEVICES") for own in dealt] == seen


def test_cores_are_shared_unless_the_user_has_said_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_threads, "_our_cpus", lambda: frozenset(range(8)))
    assert cpu_threads.threads_per_process(3, {})["OMP_NUM_THREADS"] == "2"
    assert cpu_threads.threads_per_process(30, {})["OMP_NUM_THREADS"] == "1"
    assert cpu_threads.threads_per_process(3, {"OMP_NUM_THREADS": "4", "GOMP_SPINCOUNT": "5"}) == {}
    its = {"HOME": "/", **cpu_threads.threads_per_process(2, {})}
    assert (cpu_threads.cores(its), "OMP_NUM_THREADS" in cpu_threads.without_share(its)) == (4, False)
    assert cpu_threads.without_share({"OMP_NUM_THREADS": "4"}) == {"OMP_NUM_THREADS": "4"}


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something that takes a moment, longer on a busy machine."""
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last, "it did not come about"
        time.sleep(0.05)
