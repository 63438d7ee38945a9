"""The text at the end of a sweep: the number of jobs by their state, and the best job."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from gan.launch.sweeps.runner import Runner
from gan.runs.series import FCD
from gan.runs.sweep_jobs import State, SweepJob, ended, reason
from gan.system import shell
from gan.system.errors import counted
from gan.system.shell import short

LOWEST_FCD = {FCD: "minimize"}  # the objective of a grid
MOST_BEST = 5  # jobs that are named where several objectives leave several


def summary(sweep: Path, jobs: Sequence[SweepJob], runner: Runner, objectives: Mapping[str, str] = LOWEST_FCD) -> str:
    """A line of numbers, one for each job that failed, the best jobs, and the command that shows them all.

    Args:
        objectives: names in run.json's ``ended``, each with "minimize" or "maximize".
    """
    states = {job: job.state for job in jobs}
    finished = [job for job in jobs if states[job] is State.FINISHED]
    elsewhere = [*runner.busy, *runner.queued, *runner.waiting]
    ended_jobs = {job for job in jobs if states[job] in (State.FINISHED, State.FAILED, State.PRUNED)}
    counts = {
        "finished": sum(job in runner.run for job in finished),
        "skipped (finished before)": sum(job not in runner.run for job in finished),
        "stopped early by the search": sum(state is State.PRUNED for state in states.values()),
        "failed": sum(states[job] is State.FAILED for job in jobs),
        "in the queue": sum(job not in ended_jobs for job in runner.queued),  # its process may end after its files
        "waiting for a free slot (hydra.sweeper.n_jobs)": len(runner.waiting),
        "being trained by another process": len(runner.busy),
        "interrupted or not started": sum(
            states[job] in (State.INTERRUPTED, State.MISSING) and job not in elsewhere for job in jobs
        ),
    }
    always = ("finished", "skipped (finished before)", "failed")
    counted_jobs = ", ".join(f"{number} {what}" for what, number in counts.items() if number or what in always)
    lines = [f"Sweep {short(sweep)}: {counted(len(jobs), 'job')}: {counted_jobs}."]
    lines += [_failure(job) for job in jobs if states[job] is State.FAILED]
    lines += best(finished, objectives)
    if not {State.FINISHED, State.PRUNED}.isdisjoint(states.values()):
        lines.append(f"Compare them:  {report_command(sweep)}")
    return "\n".join(lines)


def report_command(sweep: Path) -> str:
    """The page gets a name in the folder of the sweep: ./report.html may be that of another sweep."""
    page = sweep / "report.html"
    return shell.command("gan", "report", short(sweep), "--out", short(page), *(["--force"] if page.exists() else []))


def _failure(job: SweepJob) -> str:
    first = reason(job.folder).partition("\n")[0]
    return f"  failed: {short(job.folder)}: {first}"


def best(jobs: Sequence[SweepJob], objectives: Mapping[str, str]) -> list[str]:
    """The best job by the values of its training, in one line; none if no job was measured.

    With several objectives: all jobs of the Pareto front.
    """
    measured = {job: values for job in jobs if (values := _values(job, objectives))}
    signs = [-1 if direction == "maximize" else 1 for direction in objectives.values()]
    costs = {job: [sign * value for sign, value in zip(signs, values, strict=True)] for job, values in measured.items()}
    front = [job for job in costs if not any(_beats(other, costs[job]) for other in costs.values())]
    front.sort(key=lambda job: costs[job])
    if len(objectives) == 1:
        front = front[:1]
    lines = [_line(measured[job], objectives, job) for job in front[:MOST_BEST]]
    if len(front) > MOST_BEST:
        lines.append(f"{len(front) - MOST_BEST} more jobs are Pareto-optimal.")
    return lines


def _line(values: Sequence[float], objectives: Mapping[str, str], job: SweepJob) -> str:
    parts = [f"{name}:  {value:.3g}" for name, value in zip(objectives, values, strict=True)]
    return f"Best {', '.join(parts)}, {short(job.folder)}"


def _values(job: SweepJob, objectives: Mapping[str, str]) -> list[float] | None:
    """The values of the objectives; None if one was not measured."""
    facts = ended(job.folder)
    values = [facts.get(name) for name in objectives]
    finite = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return finite if len(finite) == len(values) else None


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(mine <= its for mine, its in zip(one, other, strict=True))


def how_to_resume(command: Sequence[str], sweep: Path) -> str:
    """The command that resumes a stopped sweep."""
    return f"Finished jobs are kept. To resume the rest:  {_again(command, sweep)}"


def how_to_collect(command: Sequence[str], sweep: Path) -> str:
    """Return the command that collects the results of jobs in the queue, and submits those that wait for a slot."""
    return f"To collect the results, and to submit the rest, run the same command later:  {_again(command, sweep)}"


def _again(command: Sequence[str], sweep: Path) -> str:
    words = [word for word in command if not word.startswith("hydra.sweep.dir=")]
    return shell.typed([*words, shell.override("hydra.sweep.dir", short(sweep))])
