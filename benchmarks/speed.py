"""Images per second of `python train.py`, everything on, against the loops of benchmarks/loops.py; `make bench`.

    python benchmarks/speed.py --rounds 5 --out benchmarks/results/speed.json

In each round every loop runs once, one after the other, each in a process of its own on all cores; ratios are taken
within a round, so that a neighbour's load falls on both sides. What the project does at the end of an epoch (pictures,
checkpoint, bundle) counts, as do logging, TensorBoard, alarms and the progress bar. Measures of quality do not: a run
says itself what they cost.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

HERE = Path(__file__).parent
ROOT = HERE.parent
# system: images for the loops (about five seconds' worth), epochs of the project, words, autocast in bfloat16
SYSTEMS: dict[str, tuple[str, int, int, tuple[str, ...]]] = {
    "udacity": ("udacity_mnist", 30_000, 3, ()),
    "kaggle": ("kaggle_mnist", 30_000, 3, ()),
    "slides": ("slides_mnist", 6_400, 1, ()),
    "slides, bf16": ("slides_mnist", 6_400, 1, ("trainer.precision=bf16-mixed",)),
}
LOOPS = {"a": "tutorial", "b": "bare", "d": "lightning"}
TITLES = {"a": "tutorial's loop", "b": "bare loop", "c": "train.py", "d": "Lightning's way"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--systems", nargs="*", default=list(SYSTEMS), choices=SYSTEMS)
    arguments.add_argument("--out", type=Path, default=HERE / "results" / "speed.json")
    given = arguments.parse_args()
    found: dict[str, dict[str, list[float]]] = {name: {key: [] for key in TITLES} for name in given.systems}
    for number in range(given.rounds):
        for name in given.systems:
            for key, speed in one_round(name):
                found[name][key].append(speed)
                print(f"round {number + 1}  {name:14} {TITLES[key]:16} {speed:9,.0f} images/s", file=sys.stderr)
    facts = {
        "machine": f"{os.cpu_count()} cores, {processor()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "images_per_second": found,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(facts, indent=2) + "\n")
    print(table(found))


def one_round(name: str) -> Iterator[tuple[str, float]]:
    system, images, epochs, words = SYSTEMS[name]
    bf16 = ["--bf16"] if words else []
    for key in TITLES:
        if key == "c":
            yield key, project(system, epochs, words)
        elif key == "b" or not bf16:
            yield key, loop(LOOPS[key], system, images, bf16)
        else:  # theirs knows no autocast
            yield key, loop(LOOPS[key], system, images, [])


def loop(kind: str, system: str, images: int, words: Sequence[str]) -> float:
    command = [sys.executable, str(HERE / "loops.py"), kind, system, "--images", str(images), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def project(system: str, epochs: int, words: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, str(ROOT / "train.py"), f"experiment={system}", f"trainer.max_epochs={epochs}",
            "callbacks.quality=null", "callbacks.best=null", f"hydra.run.dir={folder}/run", *words,
        ]  # fmt: skip
        subprocess.run(command, capture_output=True, text=True, check=True)
        ended = json.loads((Path(folder) / "run" / "run.json").read_text())["ended"]
    return float(ended["images_seen"] / ended["seconds"])


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Medians, and the ratios within rounds with their least and greatest."""
    head = ["", *(f"{key}: {title}" for key, title in TITLES.items()), "c/a", "c/b", "c/d"]
    rows = [head, ["---"] * len(head)]
    for name, speeds in found.items():
        medians = [f"{statistics.median(speeds[key]):,.0f}" for key in TITLES]
        rows.append([name, *medians, *(ratio(speeds["c"], speeds[key]) for key in "abd")])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def processor() -> str:
    read: Callable[[], str] = Path("/proc/cpuinfo").read_text
    lines = read().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


if __name__ == "__main__":
    main()
