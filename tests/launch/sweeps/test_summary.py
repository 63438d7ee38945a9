"""The last lines of a sweep: the counts of its jobs, and a command that works in the state in which it is given."""

from pathlib import Path
from typing import Any

import pytest

from gan.launch.sweeps.runner import Runner
from gan.launch.sweeps.summary import summary
from gan.runs.sweep_jobs import State, SweepJob


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[SweepJob]:
    """Two jobs: one is finished, one has not started."""
    monkeypatch.chdir(tmp_path)
    jobs = [SweepJob((f"seed={seed}",), f"seed: {seed}", Path(f"s/seed-{seed}")) for seed in (0, 1)]
    states = {jobs[0]: State.FINISHED, jobs[1]: State.MISSING}
    monkeypatch.setattr(SweepJob, "state", property(lambda job: states[job]))
    return jobs


def runner(**lists: Any) -> Runner:
    return Runner(pool=None, dry=False, **lists)  # type: ignore[arg-type]  # the text does not depend on the pool


def test_a_job_that_is_finished_is_not_counted_in_the_queue_too(jobs: list[SweepJob]) -> None:
    text = summary(Path("s"), jobs, runner(run=[jobs[0]], queued=[jobs[0]], waiting=[jobs[1]]))
    counts = "2 jobs: 1 finished, 0 skipped (finished before), 0 failed, 1 waiting for a free slot"
    assert text.startswith(f"Sweep s: {counts} (hydra.sweeper.n_jobs).\n")


def test_the_page_of_another_sweep_is_not_in_the_way(jobs: list[SweepJob]) -> None:
    Path("report.html").write_text("of another sweep")
    assert "Compare them:  gan report s --out s/report.html\n" in summary(Path("s"), jobs, runner()) + "\n"
    Path("s").mkdir()
    Path("s/report.html").write_text("of an earlier call")
    assert "gan report s --out s/report.html --force\n" in summary(Path("s"), jobs, runner()) + "\n"
