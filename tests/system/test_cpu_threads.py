"""How threads wait is chosen by what other processes do, and never against the user."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan.system import cpu_threads
from gan.system.cpu_threads import SPINS, SPINS_IN_COMPANY, LoadSample, cpu_seconds, set_wait_policy, used_by_others

TABLE = """cpu  100 0 50 1000 7 3 2 5 9 0
cpu0 60 1 20 500 3 1 1 2 4 0
cpu1 40 0 30 500 4 2 1 3 5 0
cpu10 9999 0 0 0 0 0 0 0 0 0
intr 12345 6 7
"""


def test_all_but_idle_and_waiting_is_computing_and_of_our_cpus_alone(tmp_path: Path) -> None:
    table = tmp_path / "stat"
    table.write_text(TABLE)
    ticks = os.sysconf("SC_CLK_TCK")
    assert cpu_seconds(table, frozenset({0})) == (60 + 1 + 20 + 1 + 1 + 2) / ticks
    assert cpu_seconds(table, frozenset({0, 1})) == (85 + 40 + 30 + 2 + 1 + 3) / ticks
    assert cpu_seconds(tmp_path / "none", frozenset({0})) is None


def test_our_own_computing_is_not_taken_by_others() -> None:
    begun = LoadSample(clock=10.0, own=1.0, all=50.0)
    assert used_by_others(begun, LoadSample(clock=12.0, own=2.5, all=53.5)) == 1.0
    assert used_by_others(begun, LoadSample(clock=12.0, own=2.5, all=51.4)) == 0.0  # ticks are coarse
    assert used_by_others(begun, LoadSample(clock=10.01, own=1.0, all=50.0)) is None
    assert used_by_others(begun, LoadSample(clock=12.0, own=1.0, all=None)) is None


@pytest.mark.parametrize(
    ("busy_elsewhere", "threads", "spins"),
    [
        (0.0, "", SPINS),
        (0.1, "", SPINS),
        (1.0, "", SPINS_IN_COMPANY),
        (2.0, "1", SPINS),  # there are cores for that one
        (3.0, "2", SPINS_IN_COMPANY),
        (None, "1", SPINS_IN_COMPANY),
    ],
)
def test_threads_spin_where_there_are_cores_for_all_of_them(
    monkeypatch: pytest.MonkeyPatch, busy_elsewhere: float | None, threads: str, spins: int
) -> None:
    monkeypatch.setattr(cpu_threads, "_our_cpus", lambda: frozenset(range(4)))
    monkeypatch.setattr(cpu_threads, "_siblings", str)
    everyone = None if busy_elsewhere is None else 7.0 + busy_elsewhere
    monkeypatch.setattr(cpu_threads, "sample_load", lambda: LoadSample(clock=1.0, own=2.0, all=everyone))
    environment = {"OMP_NUM_THREADS": threads} if threads else {}
    set_wait_policy(LoadSample(clock=0.0, own=1.0, all=6.0), environment)
    assert environment["GOMP_SPINCOUNT"] == str(spins)
    assert environment["OMP_WAIT_POLICY"] == "passive"


@pytest.mark.parametrize("given", [{"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}])
def test_what_the_user_has_set_stays(given: dict[str, str]) -> None:
    environment = dict(given)
    set_wait_policy(cpu_threads.sample_load(), environment)
    assert environment == given


def test_it_is_chosen_before_torch_is_there() -> None:
    """libgomp reads it when it is loaded."""
    code = """
import sys
from gan.launch import hydra_job
from gan.system import cpu_threads
assert "torch" not in sys.modules
chosen = []
cpu_threads.set_wait_policy = lambda begun: chosen.append("torch" in sys.modules)
hydra_job.job(lambda config: 0)({})
assert chosen == [False], chosen
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr
