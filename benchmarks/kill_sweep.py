"""Kill a sweep with -9 at random moments, start it again, and compare it with an uninterrupted one (docs/sweeps.md).

    python benchmarks/kill_sweep.py [--kills 5] [--jobs 8] [--random 0] [--folder DIR] [SETTINGS …]

A kill comes at a random moment after the start has begun to train. Prints what every start found and left, and at the
end three verdicts: as many results as jobs, each trained to its end exactly once, and each the same as the
undisturbed sweep's, as `gan repeat` has it. Exit code 1 if one of them does not hold.
"""

import argparse
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan.runs.comparison import last_checkpoints, rows

TRAIN = Path(__file__).parent.parent / "train.py"
SMALL = [
    "data=mnist_sample",
    "model.generator.hidden=[16]",
    "model.discriminator.hidden=[16]",
    "trainer.max_epochs=4",
    "trainer.limit_train_batches=60",
    "callbacks.progress=null",
    "callbacks.quality.n=200",
    "accelerator=cpu",
]
NUMBER = "/hyper_parameters/callbacks/pruning/trial"
END = "Trained for "  # the first words of what a run says at its end


def main() -> int:
    """Run both sweeps, and say what came of it."""
    arguments = _arguments()
    draw = random.Random(arguments.random)
    with tempfile.TemporaryDirectory(prefix="kill-sweep-") as temporary:
        folder = Path(arguments.folder or temporary)
        words = ["-m", *SMALL, *arguments.settings, *_swept(arguments.jobs)]
        print(f"$ python train.py {shlex.join(words)}")
        seconds, told = to_the_end([*words, f"hydra.sweep.dir={folder / 'whole'}"])
        print(f"left alone: {seconds:.0f} s")
        disturbed, trained = [*words, f"hydra.sweep.dir={folder / 'killed'}"], 0
        for number in range(1, arguments.kills + 1):
            after = draw.uniform(0, 1.4 / (arguments.kills + 1)) * seconds
            trained += killed(disturbed, folder / "killed", after, number).count(END)
        seconds, told = to_the_end(disturbed)
        print(f"last start: to the end in {seconds:.0f} s")
        return _verdict(folder / "whole", folder / "killed", arguments.jobs, trained + told.count(END))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=8, help="an even number")
    parser.add_argument("--random", type=int, default=0, help="seed of the moments")
    parser.add_argument("--folder", help="for both sweeps; removed afterwards if not given")
    parser.add_argument("settings", nargs="*")
    return parser.parse_args()


def _swept(jobs: int) -> list[str]:
    return ["optimizer.lr=1e-4,4e-4", "seed=" + ",".join(map(str, range(jobs // 2)))]


def begin(words: Sequence[str]) -> subprocess.Popen[str]:
    """In a process group of its own, so that a kill is of all its processes, as the kernel's would be."""
    return subprocess.Popen(
        [sys.executable, str(TRAIN), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},  # what it has said is known when it is killed
    )


def to_the_end(words: Sequence[str]) -> tuple[float, str]:
    """The seconds that the sweep took, and what it said."""
    began = time.monotonic()
    process = begin(words)
    told, _ = process.communicate()
    if process.returncode:
        sys.exit(f"the sweep ended with exit code {process.returncode}:\n{told}")
    print("  " + next(line for line in told.splitlines() if line.startswith("Sweep ")).partition(": ")[2])
    return time.monotonic() - began, told


def killed(words: Sequence[str], folder: Path, after: float, number: int) -> str:
    """What the sweep had said when it was killed, so many seconds after it had begun to train."""
    began = time.time()
    process = begin(words)
    while process.poll() is None and not any(path.stat().st_mtime > began for path in folder.glob("*/run.json")):
        time.sleep(0.02)
    time.sleep(after)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    told, _ = process.communicate()
    begun, finished = len(list(folder.glob("*/config.yaml"))), len(ends(folder))
    how = "killed" if alive else "had ended"
    print(f"start {number}: {how} {after:.1f} s after it began to train; {begun} jobs begun, {finished} finished")
    return told


def ends(folder: Path) -> dict[str, dict[str, Any]]:
    """run.json of every job that has ended, by the job's name."""
    facts = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("*/run.json")}
    return {name: fact for name, fact in facts.items() if "ended" in fact}


def _verdict(whole: Path, sweep: Path, jobs: int, told: int) -> int:
    """Print what holds; the exit code. ``told``: how often the starts have said that a job had trained to its end."""
    results = ends(sweep)
    parts = sum(len(fact.get("resumed", [])) for fact in results.values())
    otherwise = lengths_differ(whole, sweep)
    differing = [name for name in sorted(ends(whole)) if not is_same(whole / name, sweep / name)]
    verdicts = {
        f"{len(results)} results of {jobs} jobs, {parts} times resumed from a checkpoint": len(results) == jobs,
        f"{told} times a job was trained to its end, {otherwise} of another length": told == jobs and not otherwise,
        f"{jobs - len(differing)} equal the undisturbed sweep's, {len(differing)} do not": not differing,
    }
    for text, holds in verdicts.items():
        print(f"{'yes' if holds else 'NO '}  {text}")
    return 0 if all(verdicts.values()) else 1


def lengths_differ(whole: Path, killed: Path) -> int:
    """How many runs of the sweep left alone the other has not, or with other counts of epochs, updates and images."""
    counts = ("epochs", "g_updates", "d_updates", "images_seen")
    alone, others = (
        {name: [facts["ended"][count] for count in counts] for name, facts in ends(sweep).items()}
        for sweep in (whole, killed)
    )
    return sum(length != others.get(name) for name, length in alone.items())


def is_same(one: Path, other: Path) -> bool:
    """Whether two runs have logged the same numbers and ended in the same state; a search may number them otherwise."""
    return rows(one) == rows(other) and not {*last_checkpoints(one, other)} - {NUMBER}


if __name__ == "__main__":
    sys.exit(main())
