"""docs/images/quickstart.gif, the README's animation: generated images of a run before training and after each epoch.

python train.py experiment=quickstart hydra.run.dir=RUN
python benchmarks/readme_picture.py RUN
"""

import argparse
from pathlib import Path

import numpy as np

from gan.generators.pictures import gif, grid

OUT = Path(__file__).parent.parent / "docs" / "images" / "quickstart.gif"
COUNT, COLUMNS = 30, 10
GREYS = 16  # levels: a third of the bytes of 256


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("run", type=Path, help="a run folder")
    arguments.add_argument("--out", type=Path, default=OUT, help="the file to write")
    given = arguments.parse_args()
    epochs = np.load(given.run / "samples" / "fixed_latents.npz")["images"]  # uint8 (epochs, count, C, H, W)
    levels = (epochs // (256 // GREYS) * (255 // (GREYS - 1))).astype(np.uint8)
    frames = [grid(images[:COUNT], columns=COLUMNS, scale=2) for images in levels]
    given.out.write_bytes(gif(frames, seconds=8))
    print(f"{given.out}: {len(frames)} frames")


if __name__ == "__main__":
    main()
