"""Images per second of `python train.py`, everything on, against the loops of benchmarks/loops.py; `make bench`.

    python benchmarks/speed.py                                   # all; about 20 minutes; writes docs/performance.md too
    python benchmarks/speed.py --systems udacity --rounds 3 --out /tmp/speed.json

In each round every loop of a system runs once, one after the other, each in a process of its own on all cores; ratios
are taken within a round, so that a neighbour's load falls on both sides. What the project does at the start, at the end
of an epoch and at the end (pictures, checkpoint, bundle, curves) counts, as do logging, TensorBoard, alarms and the
progress bar. Measures of quality do not: a run says itself what they cost.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import speed_page
import torch

HERE = Path(__file__).parent
ROOT = HERE.parent
LOOPS = {"a": "tutorial", "b": "bare", "d": "lightning"}


@dataclass(frozen=True)
class System:
    """What is raced: a recipe, for the loops some images, for the project some epochs."""

    recipe: str
    images: int
    epochs: int
    words: tuple[str, ...] = ()  # of the project
    flags: tuple[str, ...] = ()  # of the loops that know them
    loops: str = "abd"
    rounds: int = 5


def of_batch(size: int) -> System:
    """kaggle_mnist at another minibatch."""
    return System("kaggle_mnist", 60_000, 2, (f"data.batch_size={size}",), ("--batch", str(size)), loops="b", rounds=3)


def of_width(factor: int, batches: int) -> System:
    """kaggle_mnist with hidden layers ``factor`` times as wide, in epochs of so many minibatches."""
    generator, discriminator = ([width * factor for width in widths] for widths in ((128, 256), (256, 128)))
    words = (f"model.generator.hidden={generator}", f"model.discriminator.hidden={discriminator}")
    words = tuple(word.replace(" ", "") for word in words)
    images, part_of_an_epoch = 60_000 // factor, f"trainer.limit_train_batches={batches}"
    return System("kaggle_mnist", images, 2, (*words, part_of_an_epoch), ("--words", *words), loops="b", rounds=3)


HALF_AN_EPOCH = "trainer.limit_train_batches=1000"
ONE_LOSS = "model.discriminator.conditioning=projection"  # the loops have no losses of classifiers
SYSTEMS: dict[str, System] = {
    "udacity": System("udacity_mnist", 60_000, 4),
    "kaggle": System("kaggle_mnist", 60_000, 4),
    "slides": System("slides_mnist", 6_400, 1, (HALF_AN_EPOCH,)),
    "slides, bf16": System("slides_mnist", 6_400, 1, (HALF_AN_EPOCH, "trainer.precision=bf16-mixed"), ("--bf16",)),
    "dcgan": System("dcgan", 5_120, 1, ("trainer.limit_train_batches=400",), loops="bd", rounds=3),
    "ten minutes": System(
        "ten_minutes", 5_120, 1, ("trainer.limit_train_batches=400", ONE_LOSS), ("--words", ONE_LOSS), "bd", rounds=3
    ),
    **{f"kaggle, batch {size}": of_batch(size) for size in (32, 256, 1024)},
    **{f"kaggle, {factor} times as wide": of_width(factor, batches) for factor, batches in ((2, 938), (8, 400))},
}


@dataclass(frozen=True)
class Result:
    """Of one run: images per second of training; seconds of the process besides; its largest memory in MB."""

    images_per_second: float
    other_seconds: float
    peak_mb: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, help="of every system; otherwise its own number, 5 or 3")
    arguments.add_argument("--systems", nargs="*", default=list(SYSTEMS), choices=SYSTEMS)
    arguments.add_argument("--out", type=Path, default=HERE / "results" / "speed.json")
    given = arguments.parse_args()
    found: dict[str, dict[str, list[Result]]] = {name: {} for name in given.systems}
    for name in given.systems:
        for number in range(given.rounds or SYSTEMS[name].rounds):
            for key, result in one_round(SYSTEMS[name]):
                found[name].setdefault(key, []).append(result)
                speed = f"{result.images_per_second:9,.0f} images/s"
                print(f"round {number + 1}  {name:22} {speed_page.TITLES[key]:16} {speed}", file=sys.stderr)
    facts = {
        "machine": f"{os.cpu_count()} cores, {processor()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "results": {name: {key: list(map(asdict, rows)) for key, rows in keys.items()} for name, keys in found.items()},
    }
    print(speed_page.tables(facts))
    facts["results"] = in_order({**of_the_same_machine(given.out, facts), **facts["results"]})
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(facts, indent=1) + "\n")
    if not (set(SYSTEMS) - set(facts["results"])):
        speed_page.write(facts)


def of_the_same_machine(file: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Results that stand there already; of another machine or other versions, none."""
    if not file.exists():
        return {}
    before: dict[str, Any] = json.loads(file.read_text())
    same = all(before[name] == facts[name] for name in facts if name != "results")
    return before["results"] if same else {}


def in_order(results: dict[str, Any]) -> dict[str, Any]:
    return {name: results[name] for name in SYSTEMS if name in results}


def one_round(system: System) -> Iterator[tuple[str, Result]]:
    for key in sorted([*system.loops, "c"]):
        yield key, project(system) if key == "c" else loop(LOOPS[key], system, system.flags if key in "bd" else ())


def loop(kind: str, system: System, flags: Sequence[str]) -> Result:
    command = [sys.executable, str(HERE / "loops.py"), kind, system.recipe, "--images", str(system.images), *flags]
    output, seconds, peak_mb = run(command)
    images, trained, _ = map(float, output.split()[-3:])
    return Result(images / trained, seconds - trained, peak_mb)


def project(system: System) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        words = [f"trainer.max_epochs={system.epochs}", "callbacks.quality=null", "callbacks.best=null", *system.words]
        command = [sys.executable, str(ROOT / "train.py"), f"experiment={system.recipe}", *words]
        _, seconds, peak_mb = run([*command, f"hydra.run.dir={folder}/run"])
        ended = json.loads((Path(folder) / "run" / "run.json").read_text())["ended"]
    return Result(ended["images_seen"] / ended["seconds"], seconds - ended["seconds"], peak_mb)


def run(command: Sequence[str]) -> tuple[str, float, float]:
    """What a process printed, how many seconds it took, and its largest memory in MB."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(command)}: exit code {process.returncode}\n{errors.read().decode()}")
        return output.read().decode(), seconds, usage.ru_maxrss / 1024


def processor() -> str:
    read: Callable[[], str] = Path("/proc/cpuinfo").read_text
    lines = read().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


if __name__ == "__main__":
    main()
