"""Kill runs with -9 at random moments, go on with them, and compare what they end with to runs that nobody disturbed.

    python benchmarks/kills.py --kills 100

Each trial is `train.py resume=auto …`, killed, and given again until it ends. Every second one has its TMPDIR on
another file system where there is one. The processes are forked from one that has imported everything, so that the
moments fall into training and not into imports; each then runs train.py from its first line.
"""

import argparse
import json
import os
import random
import runpy
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
SMALL = (
    "data=mnist_sample",
    "data.batch_size=64",
    "model=mlp",
    "model.generator.hidden=[64]",
    "model.discriminator.hidden=[64]",
    "callbacks.quality=null",
    "callbacks.progress=null",
    "callbacks.curves=null",
    "callbacks.checkpoint.every=2",
    "logger=csv",
    "trainer.log_every_n_steps=3",
    "trainer.limit_train_batches=15",
    "trainer.max_epochs=6",
    "accelerator=cpu",
)
GAMES = {
    "plain": (),
    "EMA, lazy R1, augmentation, accumulation, bf16": (
        "ema=standard", "penalty=r1", "penalty.every=3", "augmentation=adaptive", "augmentation.every=4",
        "optimizer.accumulate=2", "trainer.precision=bf16-mixed",
    ),
    "alternating epochs": ("schedule=alternating_epochs",),
    "dropout, batch statistics, cosine": (
        "model.discriminator.dropout=0.5", "model.generator.normalization=batch", "lr_schedule=cosine",
    ),
    "two processes, augmentation": (
        "trainer.devices=2", "augmentation=adaptive", "augmentation.every=4", "augmentation.speed_images=5000",
    ),
}  # fmt: skip
OTHER_DISK = Path("/dev/shm")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=100, help="trials; each run is killed at least once")
    arguments.add_argument("--seed", type=int, default=0, help="of the random moments")
    arguments.add_argument("--out", type=Path, default=Path("kills"), help="where the runs are made")
    arguments.add_argument("--games", nargs="*", default=list(GAMES), choices=GAMES, help="which of the games")
    given = arguments.parse_args()
    import_everything()
    chance = random.Random(given.seed)
    given.out.mkdir(parents=True)
    whole = {name: undisturbed(given.out / f"whole_{number}", name) for number, name in enumerate(given.games)}
    found: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(given.kills):
        game = given.games[number % len(given.games)]
        run = given.out / f"{number:03d}"
        found.update(trial(run, game, *whole[game], chance, elsewhere=number % 2 == 1))
        print(f"{number + 1:4d} {game}: {dict(found)}", flush=True)
        if not any(found[what] for what in WRONG):
            shutil.rmtree(run)
    found["seconds"] = round(time.monotonic() - began)
    print(json.dumps(dict(found)))
    return int(any(found[what] for what in WRONG))


WRONG = (
    "other final states",
    "other bundles",
    "unreadable files",
    "other rows",
    "other pictures",
    "left over",
    "did not go on",
)


def trial(run: Path, game: str, whole: Path, seconds: float, chance: random.Random, *, elsewhere: bool) -> Counter[str]:
    """One run, killed once or more and brought to its end; what was seen."""
    from gan.generators.bundle_file import read
    from gan.runs.comparison import differing, first_difference, last_checkpoints, rows

    seen: Counter[str] = Counter()
    while True:
        process = begin(run, game, elsewhere=elsewhere)
        moment = chance.uniform(0, seconds)
        if kill_later(process, run, moment, from_the_start=chance.random() < 0.1):
            seen["kills"] += 1
            seen["kills while a file was written"] += any(run.glob("**/.*.tmp"))
            seen["unreadable files"] += len(unreadable(run))
        if seen["kills"] and (ended := finish(run, game, elsewhere=elsewhere)) is not None:
            seen["did not go on"] += ended != 0
            break
    seen["final states"] += 1
    seen["other final states"] += bool(last_checkpoints(run, whole))
    seen["other bundles"] += bool(differing(*(read(folder / "generator.safetensors")[0] for folder in (run, whole))))
    seen["other rows"] += first_difference(rows(whole), rows(run)) is not None
    seen["other pictures"] += pictures(run) != pictures(whole)
    seen["left over"] += len(list(run.glob("**/.*.tmp")))
    return seen


def finish(run: Path, game: str, *, elsewhere: bool) -> int | None:
    """Give the command again, undisturbed."""
    return wait(begin(run, game, elsewhere=elsewhere))


def undisturbed(run: Path, game: str) -> tuple[Path, float]:
    """A run from beginning to end, and how long it trained."""
    code = wait(begin(run, game, elsewhere=False))
    if code:
        raise SystemExit(f"{game}: exit code {code}; see {run.with_suffix('.log')}")
    facts: Any = json.loads((run / "run.json").read_text())
    return run, facts["ended"]["seconds"]


def begin(run: Path, game: str, *, elsewhere: bool) -> int:
    """The process id of `train.py resume=auto …` in its own session."""
    process = os.fork()
    if process:
        return process
    os.setsid()
    log = os.open(run.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    if elsewhere and OTHER_DISK.is_dir():
        os.environ["TMPDIR"] = str(OTHER_DISK)
    sys.argv = [str(ROOT / "train.py"), "resume=auto", f"hydra.run.dir={run.resolve()}", *SMALL, *GAMES[game]]
    code = 1
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def kill_later(process: int, run: Path, seconds: float, *, from_the_start: bool) -> bool:
    """Kill it so long after its training, or itself, has begun; False if it ended before."""
    before = (run / "run.json").stat().st_mtime_ns if (run / "run.json").exists() else 0
    while not from_the_start and not ((run / "run.json").exists() and (run / "run.json").stat().st_mtime_ns > before):
        if ended(process):
            return False
        time.sleep(0.005)
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        if ended(process):
            return False
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1] != 0


def ended(process: int) -> bool:
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None and wait(process) >= 0


def wait(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def unreadable(run: Path) -> list[Path]:
    """Files in a run folder that are not whole."""
    from gan.generators.bundle_file import read
    from gan.runs.checkpoint_file import read_whole

    checks = {
        "*.ckpt": read_whole,
        "*.json": lambda path: json.loads(path.read_text()),
        "*.safetensors": read,
        "*.png": open_picture,
        "*.csv": whole_table,
    }
    broken = []
    for pattern, check in checks.items():
        for path in run.glob(f"**/{pattern}"):
            try:
                check(path)
            except Exception as error:
                print(f"{path}: {error}")
                broken.append(path)
    return broken


def open_picture(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()


def whole_table(path: Path) -> None:
    *_, last = path.read_text().split("\n")
    if last:
        raise ValueError("its last line is not whole")


def pictures(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "samples").iterdir()}


def import_everything() -> None:
    """What train.py imports, before it is needed."""
    import lightning.pytorch  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import torchvision  # noqa: F401


if __name__ == "__main__":
    sys.exit(main())
