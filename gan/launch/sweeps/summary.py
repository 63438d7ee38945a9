"""What a sweep says at its end: how many points there are, what became of them, and which is the best."""

import math
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from gan.launch.sweeps.runner import Runner
from gan.runs.sweep_jobs import Point, State, ended, reason

BEST = "quality/fcd"


def summary(sweep: Path, points: Sequence[Point], runner: Runner) -> str:
    """A line of numbers, one for each point that failed, the best point, and the command that shows them all."""
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
    lines = [f"Sweep {_short(sweep)}: {len(points)} points: {told}."]
    lines += [_failure(point) for point in points if states[point] is State.FAILED]
    lines += best(finished)
    if not {State.FINISHED, State.PRUNED}.isdisjoint(states.values()):
        lines.append(f"Compare them:  gan report {_short(sweep)}")
    return "\n".join(lines)


def _failure(point: Point) -> str:
    first = reason(point.folder).partition("\n")[0]
    return f"  failed: {_short(point.folder)}: {first}"


def best(points: Sequence[Point]) -> list[str]:
    """The point of the lowest FCD as training has measured it, in a line; nothing if none was measured."""
    values = {point: ended(point.folder).get(BEST) for point in points}
    measured = {point: value for point, value in values.items() if isinstance(value, float) and math.isfinite(value)}
    if not measured:
        return []
    point = min(measured, key=lambda point: measured[point])
    return [f"Best {BEST}:  {measured[point]:.3g}, {_short(point.folder)}"]


def how_to_go_on(command: Sequence[str], sweep: Path) -> str:
    """The command that goes on with a sweep that was stopped."""
    words = [word for word in command if not word.startswith("hydra.sweep.dir=")]
    again = shlex.join(["python", *words, f"hydra.sweep.dir={_short(sweep)}"])
    return f"What is finished stays so; to go on with the rest:  {again}"


def _short(path: Path) -> str:
    """Relative to the working folder where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
