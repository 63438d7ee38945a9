"""train.py against the bare loop where other work on the machine does not decide: they take turns of 0.3 seconds.

    python benchmarks/alternating.py --rounds 3 --threads 1        # writes its table in docs/performance.md
    python benchmarks/alternating.py --systems udacity --words model.compile=true

Both processes run at the same time, and one of them is always stopped (SIGSTOP). Compared are images per CPU second
(user and system, all threads), from the 31st minibatch to the last. What train.py does after it (the last pictures,
curves, checkpoint and bundle) does not depend on the length of the run, so it has a column of its own. Other work on
the machine slows both in the same way.
"""

import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import speed
import speed_page
import torch
from loops import WARM_UP

TURN = 0.3  # seconds
PAGE = speed_page.DOCS / "performance.md"
BEGIN, END = "<!-- written by benchmarks/alternating.py -->", "<!-- end of alternating.py -->"
EPOCH = 60_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--systems", nargs="*", default=list(speed.SYSTEMS), choices=speed.SYSTEMS)
    arguments.add_argument("--words", nargs="*", default=[], help="more overrides for train.py; the page stays")
    given = arguments.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(given.threads)
    torch.set_num_threads(given.threads)
    rows = []
    for name in given.systems:
        most, work = peak(name), megaflop(speed.SYSTEMS[name])
        rounds = [alternate(speed.SYSTEMS[name], name, given.words) for _ in range(given.rounds)]
        rows.append(row(name, rounds, work, most))
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    head = ["recipe", "b: bare loop", "c: train.py", "c/b", "end of a run", "MFLOP of an image", "GFLOP/s of c"]
    machine = f"{speed.processor()}, {given.threads} thread{'s' * (given.threads > 1)}, {given.rounds} rounds"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    table = f"{speed_page.markdown([head, *rows])}\n\n{machine}, {versions}."
    print(table)
    if given.systems == list(speed.SYSTEMS) and not given.words:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}")


def row(name: str, rounds: Sequence[tuple[float, float, float]], work: float, most: float) -> list[str]:
    bare, ours, end = (statistics.median(numbers) for numbers in zip(*rounds, strict=True))
    ratios = sorted(c / b for b, c, _ in rounds)
    spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"
    gflops = f"{work * ours / 1e3:,.0f} of {most:,.0f}"
    return [name, f"{bare:,.0f}", f"{ours:,.0f}", spread, f"{end:.1f} s", f"{work:.3g}", gflops]


def alternate(system: speed.System, name: str, more: Sequence[str]) -> tuple[float, float, float]:
    """Images per CPU second of the bare loop and of train.py, which take turns, and CPU seconds of train.py's end."""
    with tempfile.TemporaryDirectory() as folder:
        limit = next((int(word.partition("=")[2]) for word in system.words if "limit_train" in word), EPOCH)
        images = system.epochs * min(EPOCH, limit * speed_page.batch_size(name))
        clock = [f"+callbacks.cpu={{_target_: cpu_clock.CPUClock, file: {folder}/cpu, warm_up: {WARM_UP}}}"]
        words = [f"trainer.max_epochs={system.epochs}", "callbacks.quality=null", "callbacks.best=null"]
        words += [*system.words, *more, *clock, f"hydra.run.dir={folder}/run"]
        bare = [str(speed.HERE / "loops.py"), "bare", system.recipe, "--images", str(images), "--stop", *system.flags]
        ours = [str(speed.ROOT / "train.py"), f"experiment={system.recipe}", *words]
        both = [start(bare, Path(folder, "b")), start(ours, Path(folder, "c"))]
        take_turns(both)
        for process, errors in zip(both, ("b.errors", "c.errors"), strict=True):
            if process.returncode:
                sys.exit(f"{process.args!r}: exit code {process.returncode}\n{Path(folder, errors).read_text()}")
        done, _, cpu = map(float, Path(folder, "b").read_text().split()[-3:])
        ours_done, ours_cpu, end = map(float, (Path(folder) / "cpu").read_text().split())
    return done / cpu, ours_done / ours_cpu, end


def start(arguments: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Start Python; its output goes to a file, not to a pipe, which a progress bar would fill."""
    environment = {**os.environ, "PYTHONPATH": str(speed.HERE)}
    with output.open("wb") as file, output.with_suffix(".errors").open("wb") as errors:
        return subprocess.Popen([sys.executable, *arguments], stdout=file, stderr=errors, env=environment)


def take_turns(processes: list[subprocess.Popen[bytes]]) -> None:
    """Run them in turns to their ends, from where each has stopped itself after its warm-up."""
    for process in processes:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    running = list(processes)
    try:
        while running:
            for process in list(running):
                process.send_signal(signal.SIGCONT)
                time.sleep(TURN)
                process.send_signal(signal.SIGSTOP)
                if process.poll() is not None:
                    running.remove(process)
    finally:
        for process in running:
            process.kill()  # a stopped one would stay


def peak(name: str) -> float:
    """GFLOP/s of a product of two 2048 × 2048 matrices in the system's precision: the best of 40."""
    matrix = torch.ones(2048, 2048, dtype=torch.bfloat16 if name.endswith("bf16") else torch.float32)
    seconds = []
    for _ in range(40):
        began = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - began)
    return 2 * 2048**3 / min(seconds) / 1e9


def megaflop(system: speed.System) -> float:
    """What the bare loop's matrix products and convolutions compute for an image, in millions of operations."""
    command = [sys.executable, str(speed.HERE / "loops.py"), "flops", system.recipe, *system.flags]
    return float(speed.run(command)[0].split()[-1]) / 1e6


if __name__ == "__main__":
    main()
