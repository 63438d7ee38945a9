"""Train a GAN: `python train.py --help` shows how. In an installed package, `gan train …` is the same."""

import sys

from gan.launch.train import main, run

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(run())
