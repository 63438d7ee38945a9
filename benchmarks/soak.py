"""Train for a long time, and see whether memory, open files and logs stay as they should.

    python benchmarks/soak.py --minutes 25 --out soak

A small game with everything on: its process is looked at every ten seconds. The first tenth of the time is warming up.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
GAME = (
    "data=mnist_sample", "model=mlp", "model.generator.hidden=[16]", "model.discriminator.hidden=[16]",
    "data.batch_size=32", "ema=standard", "penalty=r1", "penalty.every=8", "trainer.max_epochs=1000000",
    "callbacks.quality=null", "callbacks.progress=null", "callbacks.samples.count=4", "trainer.log_every_n_steps=500",
)  # fmt: skip


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=25.0)
    arguments.add_argument("--out", type=Path, default=Path("soak"))
    given = arguments.parse_args()
    command = [sys.executable, str(ROOT / "train.py"), f"hydra.run.dir={given.out.resolve()}", *GAME]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{given.out}.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
        seen = watched(process, given.out, 60 * given.minutes)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=120)
    updates, megabytes, files = (np.array(column, dtype=float) for column in zip(*seen, strict=True))
    warm = updates > updates[-1] / 10
    slope = np.polyfit(updates[warm], megabytes[warm], 1)[0]
    rows = sum(1 for _ in (given.out / "metrics.csv").open()) - 1
    facts = {
        "updates": int(updates[-1]),
        "MB of memory, first and last": [round(megabytes[warm][0], 1), round(megabytes[-1], 1)],
        "MB for 10,000 updates": round(1e4 * slope, 4),
        "open files, least and most": [int(files[warm].min()), int(files[warm].max())],
        "rows of metrics.csv": rows,
        "bytes for a row of metrics.csv": round((given.out / "metrics.csv").stat().st_size / rows, 1),
        "MB of TensorBoard's files": round(
            sum(p.stat().st_size for p in (given.out / "tensorboard").iterdir()) / 1e6, 2
        ),
        "exit code after SIGTERM": code,
    }
    print(json.dumps(facts, indent=2))
    return 0


def watched(process: subprocess.Popen[bytes], run: Path, seconds: float) -> list[tuple[int, float, int]]:
    """Updates, resident memory in MB and open files, every ten seconds of training."""
    seen: list[tuple[int, float, int]] = []
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        time.sleep(10)
        if process.poll() is not None:
            raise SystemExit(f"the run has ended; see {run}.log")
        if (run / "metrics.csv").exists():
            pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
            files = len(os.listdir(f"/proc/{process.pid}/fd"))
            seen.append((updates(run), pages * os.sysconf("SC_PAGE_SIZE") / 1e6, files))
    return seen


def updates(run: Path) -> int:
    with (run / "metrics.csv").open(newline="") as file:
        return max((int(row["step"]) for row in csv.DictReader(file) if (row["step"] or "").isdigit()), default=0)


if __name__ == "__main__":
    sys.exit(main())
