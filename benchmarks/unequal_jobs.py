"""Jobs of unequal length side by side: wall time of a search, and how long its workers had nothing to do.

    python benchmarks/unequal_jobs.py [--trials 12] [--n-jobs 4] [--lengths 16 2 4 2]

The jobs only sleep (tests/pretended_train.py), so the cores do not matter. A job's time is that of its process.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from pretended_sweeps import SCRIPT, write_configuration  # noqa: E402  # of tests/, on the path since the line above
from pretended_train import SLEEPS  # noqa: E402  # the same

SEARCH = (
    "hydra/sweeper=optuna",
    "hydra.sweeper.sampler=random",
    "optimizer.lr=tag(log,interval(1e-4,1))",
    "~hydra.sweeper.objectives.fcd",
    "+hydra.sweeper.objectives.epochs=minimize",
    "hydra.sweep.dir=s",
)
ENDED = re.compile(r"run \d+ of the sweep has ended, after (\d+) s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--n-jobs", type=int, default=4)
    parser.add_argument("--lengths", type=int, nargs="+", default=[16, 2, 4, 2], help="seconds, in turn")
    given = parser.parse_args()
    words = [*SEARCH, f"hydra.sweeper.trials={given.trials}", f"hydra.sweeper.n_jobs={given.n_jobs}"]
    with tempfile.TemporaryDirectory() as folder:
        configuration = write_configuration(Path(folder, "conf"))
        program = [sys.executable, str(SCRIPT), "--config-path", str(configuration), "--config-name", "config", "-m"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), SLEEPS: " ".join(map(str, given.lengths))}
        began = time.monotonic()
        done = subprocess.run(
            [*program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        seconds = time.monotonic() - began
    busy = sum(map(int, ENDED.findall(done.stdout)))
    print(f"{given.trials} jobs of {given.lengths} s in turn, {given.n_jobs} at a time: {seconds:.0f} s")
    had = given.n_jobs * seconds
    print(f"the workers were busy for {busy} of {had:.0f} s ({busy / had:.0%})")


if __name__ == "__main__":
    main()
