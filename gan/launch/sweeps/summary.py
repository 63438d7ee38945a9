"""Summary at the end of a sweep: the number of jobs by state, the failed jobs and the best jobs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from gan.launch.sweeps.runner import Runner
from gan.runs.sweep_jobs import State, SweepJob, ended, reason
from gan.system import shell
from gan.system.shell import short

LOWEST_FCD = {"quality/fcd": "minimize"}  # default objective of a grid
MOST_BEST = 5  # jobs listed at most, if several objectives give several best jobs


def summary(sweep: Path, jobs: Sequence[SweepJob], runner: Runner, objectives: Mapping[str, str] = LOWEST_FCD) -> str:
    """Return the summary: a line of counts, a line per failed job, the best jobs, and the command that shows all jobs.

    Args:
        objectives: names in run.json's ``ended``, each with "minimize" or "maximize".
    """
    states = {job: job.state for job in jobs}
    finished = [job for job in jobs if states[job] is State.FINISHED]
    counts = {
        "finished": sum(job in runner.run for job in finished),
        "skipped (finished before)": sum(job not in runner.run for job in finished),
        "ended early by the search": sum(state is State.PRUNED for state in states.values()),
        "failed": sum(states[job] is State.FAILED for job in jobs),
        "being trained by another process": len(runner.busy),
        "cut": sum(states[job] in (State.CUT, State.MISSING) and job not in runner.busy for job in jobs),
    }
    always = ("finished", "skipped (finished before)", "failed")
    told = ", ".join(f"{number} {what}" for what, number in counts.items() if number or what in always)
    lines = [f"Sweep {short(sweep)}: {len(jobs)} jobs: {told}."]
    lines += [_failure(job) for job in jobs if states[job] is State.FAILED]
    lines += best(finished, objectives)
    if not {State.FINISHED, State.PRUNED}.isdisjoint(states.values()):
        lines.append(f"Compare them:  {shell.command('gan', 'report', short(sweep))}")
    return "\n".join(lines)


def _failure(job: SweepJob) -> str:
    first = reason(job.folder).partition("\n")[0]
    return f"  failed: {short(job.folder)}: {first}"


def best(jobs: Sequence[SweepJob], objectives: Mapping[str, str]) -> list[str]:
    """Return a line about the best job as measured during training; empty if none was measured.

    With several objectives, return the Pareto front: jobs that no other job beats in one and equals in the rest.
    """
    measured = {job: values for job in jobs if (values := _values(job, objectives))}
    signs = [-1 if direction == "maximize" else 1 for direction in objectives.values()]
    costs = {job: [sign * value for sign, value in zip(signs, values, strict=True)] for job, values in measured.items()}
    front = [job for job in costs if not any(_beats(other, costs[job]) for other in costs.values())]
    front.sort(key=lambda job: costs[job])
    if len(objectives) == 1:
        front = front[:1]
    lines = [_told(measured[job], objectives, job) for job in front[:MOST_BEST]]
    if len(front) > MOST_BEST:
        lines.append(f"{len(front) - MOST_BEST} more jobs are the best in some way.")
    return lines


def _told(values: Sequence[float], objectives: Mapping[str, str], job: SweepJob) -> str:
    parts = [f"{name}:  {value:.3g}" for name, value in zip(objectives, values, strict=True)]
    return f"Best {', '.join(parts)}, {short(job.folder)}"


def _values(job: SweepJob, objectives: Mapping[str, str]) -> list[float] | None:
    """Return the values of all objectives; None unless all were measured."""
    facts = ended(job.folder)
    values = [facts.get(name) for name in objectives]
    finite = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return finite if len(finite) == len(values) else None


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(mine <= its for mine, its in zip(one, other, strict=True))


def how_to_go_on(command: Sequence[str], sweep: Path) -> str:
    """Return the message with the command that resumes a stopped sweep."""
    words = [word for word in command if not word.startswith("hydra.sweep.dir=")]
    again = shell.command("python", *words, shell.override("hydra.sweep.dir", short(sweep)))
    return f"What is finished stays so; to go on with the rest:  {again}"
