"""What a setting gains in images per second, or loses, recipe by recipe.

    python benchmarks/gain.py model.compile=true --rounds 3
    python benchmarks/gain.py schedule.reuse_fakes=true --recipes dcgan

In each round a recipe is trained twice, one after the other: as it is, and with the setting. Images per second are the
median of the logged rows but for the first; what the first takes longer is told too: `model.compile` compiles then.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
RECIPES = {"kaggle_mnist": 1500, "slides_mnist": 600, "dcgan": 300, "ten_minutes": 300}  # minibatches
ROW = 50


class Taken(NamedTuple):
    """Of one run: images a second, after its first row of minibatches; seconds of that row."""

    images_per_second: float
    first_row: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("setting", help="as on the command line of train.py")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--recipes", nargs="*", default=list(RECIPES), choices=RECIPES)
    given = arguments.parse_args()
    print(
        f"{given.setting}, {os.cpu_count()} cores; medians of {given.rounds} rounds, with the least and greatest ratio"
    )
    print("| | without, images/s | with it | ratio | at first, s |\n| --- | --- | --- | --- | --- |")
    for recipe in given.recipes:
        rounds = [(train(recipe), train(recipe, given.setting)) for _ in range(given.rounds)]
        ratios = sorted(having.images_per_second / without.images_per_second for without, having in rounds)
        speeds = [statistics.median(pair[which].images_per_second for pair in rounds) for which in (0, 1)]
        longer = statistics.median(having.first_row - without.first_row for without, having in rounds)
        middle = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"
        print(f"| {recipe} | {speeds[0]:,.0f} | {speeds[1]:,.0f} | {middle} | {longer:.1f} |", flush=True)


def train(recipe: str, *more: str) -> Taken:
    with tempfile.TemporaryDirectory() as folder:
        words = [
            f"experiment={recipe}", "trainer.max_epochs=1", f"trainer.limit_train_batches={RECIPES[recipe]}",
            f"trainer.log_every_n_steps={ROW}", "callbacks.quality=null", "callbacks.best=null",
            "callbacks.progress=null", f"hydra.run.dir={folder}/run", *more,
        ]  # fmt: skip
        # what an earlier round has compiled would be found in the cache
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": f"{folder}/cache"}
        done = subprocess.run(
            [sys.executable, str(ROOT / "train.py"), *words],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(done.stderr)
        with Path(folder, "run", "metrics.csv").open(newline="") as file:
            logged = [row for row in csv.DictReader(file) if row["train/images_per_second"]]
    speeds = [float(row["train/images_per_second"]) for row in logged]
    images = [int(row["images_seen"]) for row in logged]
    return Taken(statistics.median(speeds[1:]), images[0] / speeds[0])


if __name__ == "__main__":
    main()
