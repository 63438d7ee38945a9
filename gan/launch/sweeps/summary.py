"""What a sweep says at its end: how many points there are, what became of them, and which is the best."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from gan.launch.sweeps.runner import Runner
from gan.runs.sweep_jobs import Point, State, ended, reason
from gan.system import shell
from gan.system.shell import short

LOWEST_FCD = {"quality/fcd": "minimize"}  # what a grid is judged by
MOST_BEST = 5  # points that are named where several objectives leave several


def summary(sweep: Path, points: Sequence[Point], runner: Runner, objectives: Mapping[str, str] = LOWEST_FCD) -> str:
    """A line of numbers, one for each point that failed, the best points, and the command that shows them all.

    Args:
        objectives: names in run.json's ``ended``, each with "minimize" or "maximize".
    """
    states = {point: point.state for point in points}
    finished = [point for point in points if states[point] is State.FINISHED]
    counts = {
        "finished": sum(point in runner.run for point in finished),
        "skipped (finished before)": sum(point not in runner.run for point in finished),
        "ended early by the search": sum(state is State.PRUNED for state in states.values()),
        "failed": sum(states[point] is State.FAILED for point in points),
        "being trained by another process": len(runner.busy),
        "cut": sum(states[point] in (State.CUT, State.MISSING) and point not in runner.busy for point in points),
    }
    always = ("finished", "skipped (finished before)", "failed")
    told = ", ".join(f"{number} {what}" for what, number in counts.items() if number or what in always)
    lines = [f"Sweep {short(sweep)}: {len(points)} points: {told}."]
    lines += [_failure(point) for point in points if states[point] is State.FAILED]
    lines += best(finished, objectives)
    if not {State.FINISHED, State.PRUNED}.isdisjoint(states.values()):
        lines.append(f"Compare them:  {shell.command('gan', 'report', short(sweep))}")
    return "\n".join(lines)


def _failure(point: Point) -> str:
    first = reason(point.folder).partition("\n")[0]
    return f"  failed: {short(point.folder)}: {first}"


def best(points: Sequence[Point], objectives: Mapping[str, str]) -> list[str]:
    """The best point as training has measured it, in a line; nothing if none was measured.

    Of several objectives every point that no other beats in one of them and equals in the rest: the Pareto front.
    """
    measured = {point: values for point in points if (values := _values(point, objectives))}
    signs = [-1 if direction == "maximize" else 1 for direction in objectives.values()]
    costs = {
        point: [sign * value for sign, value in zip(signs, values, strict=True)] for point, values in measured.items()
    }
    front = [point for point in costs if not any(_beats(other, costs[point]) for other in costs.values())]
    front.sort(key=lambda point: costs[point])
    if len(objectives) == 1:
        front = front[:1]
    lines = [_told(measured[point], objectives, point) for point in front[:MOST_BEST]]
    if len(front) > MOST_BEST:
        lines.append(f"{len(front) - MOST_BEST} more points are the best in some way.")
    return lines


def _told(values: Sequence[float], objectives: Mapping[str, str], point: Point) -> str:
    parts = [f"{name}:  {value:.3g}" for name, value in zip(objectives, values, strict=True)]
    return f"Best {', '.join(parts)}, {short(point.folder)}"


def _values(point: Point, objectives: Mapping[str, str]) -> list[float] | None:
    """What it has come to; None unless all of it was measured."""
    facts = ended(point.folder)
    values = [facts.get(name) for name in objectives]
    finite = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return finite if len(finite) == len(values) else None


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(mine <= its for mine, its in zip(one, other, strict=True))


def how_to_go_on(command: Sequence[str], sweep: Path) -> str:
    """The command that goes on with a sweep that was stopped."""
    words = [word for word in command if not word.startswith("hydra.sweep.dir=")]
    again = shell.command("python", *words, shell.override("hydra.sweep.dir", short(sweep)))
    return f"What is finished stays so; to go on with the rest:  {again}"
