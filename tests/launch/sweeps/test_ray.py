"""Jobs of a sweep as tasks of a Ray cluster that is begun on this machine."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pretended_sweeps import ROOT, Sweeps
from pretended_train import FATES
from test_side_by_side import until

pytest.importorskip("ray", reason="pip install -e '.[ray]'")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # Ray's own are not ours
RAY = ("hydra/launcher=ray", "hydra.launcher.num_cpus=1", "hydra.sweep.dir=s")


@pytest.fixture
def fates(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
    return lambda by_seed: monkeypatch.setenv(FATES, json.dumps(by_seed))


def test_jobs_are_tasks_and_are_told_of_as_one_after_the_other(
    sweeps: Sweeps, fates: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    fates({0: "broken", 1: "killed"})
    assert sweeps("seed=0,1,2", *RAY) == 128 + signal.SIGKILL
    shown = capfd.readouterr()
    assert "3 jobs: 1 finished, 0 skipped (finished before), 2 failed." in shown.out
    assert "a job of the sweep (seed=1): was ended by SIGKILL (by hand, or because memory ran out)\n" in shown.err


def test_a_signal_ends_all_jobs_and_then_the_sweep(sweeps: Sweeps, fates: Callable[..., None]) -> None:
    fates({0: "endless"})

    def stop() -> None:
        until(lambda: any(Path("s").glob("*/process")))
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    assert sweeps("seed=0,1", *RAY) == 128 + signal.SIGTERM
    assert len(list(Path("s").glob("seed-0_*/stopped"))) == 1
