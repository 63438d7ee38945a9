"""What a batch takes if freed memory is kept (gan/system/tensor_memory.py), and if it is not.

    OMP_NUM_THREADS=1 python benchmarks/tensor_memory.py --recipes ten_minutes dcgan --rounds 3

Each round trains both ways in new processes. Printed are the medians of the CPU time (user and system) and of the page
faults per batch, and the CPU time without kept memory divided by that with it, with the least and greatest ratio of a
round. Needs full MNIST.
"""

import argparse
import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gan.system import tensor_memory

ROOT = Path(__file__).parent.parent
WARM_UP, BATCHES = 60, 240
GIVEN_BACK, KEPT = "given back (glibc's default)", "kept"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipes", nargs="*", default=["kaggle_mnist", "slides_mnist", "dcgan", "ten_minutes"])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--words", nargs="*", default=[], help="more overrides for train.py")
    arguments.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # a process of ours: recipe, variant, file
    given = arguments.parse_args()
    if given.one:
        return train(*given.one, given.words)
    print("| recipe | freed memory | ms of CPU time per batch | page faults per batch | peak memory | times as fast |")
    print("| --- | --- | --- | --- | --- | --- |")
    for recipe in given.recipes:
        found: dict[str, list[list[float]]] = {GIVEN_BACK: [], KEPT: []}
        for _, name in itertools.product(range(given.rounds), found):
            found[name].append(measured(recipe, name, given.words))
        for name, rounds in found.items():
            ms, faults, peak = (statistics.median(numbers) for numbers in zip(*rounds, strict=True))
            ratios = sorted(first[0] / own[0] for first, own in zip(found[GIVEN_BACK], rounds, strict=True))
            gain = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})" if name == KEPT else ""
            print(f"| {recipe} | {name} | {ms:.2f} | {faults:,.0f} | {peak:,.0f} MB | {gain} |", flush=True)
    return 0


def measured(recipe: str, variant: str, words: list[str]) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "numbers")
        command = [sys.executable, __file__, "--one", recipe, variant, str(out), "--words", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{recipe}, {variant}: exit code {done.returncode}\n{done.stderr}")
        return [float(number) for number in out.read_text().split()]


def train(recipe: str, variant: str, out: str, words: list[str]) -> int:
    """Train for some batches, and write ms, page faults per batch and the peak memory in MB."""
    if variant == GIVEN_BACK:
        tensor_memory.keep_freed_memory = lambda: None  # type: ignore[assignment]  # train.py calls it without arguments
    from gan.training.fast_loop import GameLoop

    advance, began, count = GameLoop.advance, now(), 0

    def counted(self: GameLoop, data_fetcher: Any) -> None:
        nonlocal began, count
        if count == WARM_UP:
            began = now()
        advance(self, data_fetcher)
        count += 1
        if count == BATCHES:
            cpu, faults = (later - before for later, before in zip(now(), began, strict=True))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            Path(out).write_text(f"{cpu * 1e3 / (count - WARM_UP)} {faults / (count - WARM_UP)} {peak}")

    GameLoop.advance = counted  # type: ignore[method-assign]  # the clock around it is this script's alone
    short = ["trainer.max_epochs=1", f"trainer.limit_train_batches={BATCHES}", "callbacks=none", "logger=none"]
    sys.argv = ["train.py", f"experiment={recipe}", "data=mnist", *short, f"hydra.run.dir={out}.run", *words]
    from gan.launch.train import run

    return run()


def now() -> tuple[float, int]:
    return time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt


if __name__ == "__main__":
    sys.exit(main())
