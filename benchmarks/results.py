"""The tables of docs/results.md, and a grid of images of each recipe, from run folders.

    gan evaluate RUN…                            # first: writes quality.json into each
    python benchmarks/results.py RUN…  > table.md    # the grids go to docs/images/results/

One row for each recipe and data set; of several seeds the mean, and half the distance from the least to the greatest.
"""

import json
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gan import load_generator
from gan.files import write_bytes
from gan.pictures import grid, png

IMAGES = Path(__file__).parent.parent / "docs" / "images" / "results"
ROWS, COLUMNS = 4, 10
COLUMN_NAMES = {
    "fcd": "FCD",
    "fcd_ratio": "×floor",
    "fcd_autoencoder_ratio": "AE ×floor",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "label_accuracy": "label acc.",
}


@dataclass(frozen=True)
class Finished:
    """A run that has ended and was evaluated."""

    recipe: str
    data: str
    folder: Path
    quality: dict[str, Any]
    ended: dict[str, Any]
    machine: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Finished":
        facts = json.loads((folder / "run.json").read_text())
        settings = yaml.safe_load((folder / "config.yaml").read_text())
        words = [word for word in facts["command"] if "=" in word]
        own = [word for word in words if word.split("=")[0] not in ("experiment", "data", "seed")]
        own = [word for word in own if not word.startswith(("hydra.", "callbacks."))]
        name = next(word.split("=")[1] for word in words if word.startswith("experiment="))
        quality = json.loads((folder / "quality.json").read_text())["quality"]
        return cls(" ".join([name, *own]), settings["data"]["name"], folder, quality, facts["ended"], facts["machine"])


def row(runs: list[Finished]) -> str:
    first = runs[0]
    updates, images, seconds = (first.ended[name] for name in ("g_updates", "images_seen", "seconds"))
    cells = [f"`{first.recipe}`", str(len(runs)), f"{updates:,}", f"{images / 1e6:.2f} M", f"{seconds / 60:.1f}"]
    for name in COLUMN_NAMES:
        values = [run.quality[name] for run in runs]
        cells.append("" if None in values else told(values))
    missing = max(len(run.quality["missing"]) for run in runs)
    return "| " + " | ".join([*cells, str(missing)]) + " |"


def told(values: list[float]) -> str:
    mean = statistics.mean(values)
    digits = 3 if mean < 1 else 2 if mean < 10 else 1
    spread = f" ± {(max(values) - min(values)) / 2:.{digits}f}" if len(values) > 1 else ""
    return f"{mean:.{digits}f}{spread}"


def draw(run: Finished) -> None:
    """A grid of the recipe's images; of a conditional one each column is a class."""
    generator = load_generator(run.folder)
    name = run.recipe.replace(" ", "_").replace("=", "-").replace(".", "-")
    picture = grid(generator.sample(ROWS * COLUMNS, seed=0), columns=COLUMNS, scale=2)
    write_bytes(IMAGES / f"{name}-{run.data}.png", png(picture))


def main(folders: list[str]) -> None:
    groups: dict[tuple[str, str], list[Finished]] = defaultdict(list)
    for folder in folders:
        run = Finished.read(Path(folder))
        groups[run.data, run.recipe].append(run)
    names = ["recipe", "seeds", "G updates", "images", "minutes", *COLUMN_NAMES.values(), "missing"]
    for data in dict.fromkeys(data for data, _ in groups):
        print(f"{data}\n\n| {' | '.join(names)} |\n| {' | '.join('---' for _ in names)} |")
        chosen = [runs for (of, _), runs in groups.items() if of == data]
        for runs in sorted(chosen, key=lambda runs: statistics.mean(run.quality["fcd"] for run in runs)):
            print(row(runs))
            draw(runs[0])
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
