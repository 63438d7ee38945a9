"""How long the commands take before they have anything to compute: seconds of whole processes, beside bare imports.

    python benchmarks/start_up.py --rounds 10

In each round every command runs once, one after the other; what is printed are medians over the rounds, after one that
does not count: of the processor's seconds, and of the clock's.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "python, nothing else": ("-c", "pass"),
    "import typer, typer.rich_utils": ("-c", "import typer, typer.rich_utils"),
    "gan --help": ("-c", "from gan.commands.main import main; main()", "--help"),
    "gan runs --help": ("-c", "from gan.commands.main import main; main()", "runs", "--help"),
    "import hydra": ("-c", "import hydra"),
    "python train.py --help": ("train.py", "--help"),
    "import lightning.pytorch, hydra": ("-c", "import lightning.pytorch, hydra"),
    "import gan.training.build": ("-c", "import gan.training.build"),
}


def seconds(words: Sequence[str]) -> tuple[float, float]:
    """Of the processor and of the clock, from the start of a process to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with exit code {process.returncode}")
    return used.ru_utime + used.ru_stime, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    found = [{name: seconds(words) for name, words in COMMANDS.items()} for _ in range(rounds + 1)][1:]
    print("| | processor, s | clock, s |\n| --- | --- | --- |")
    for name in COMMANDS:
        processor, clock = (statistics.median(one[name][part] for one in found) for part in (0, 1))
        print(f"| `{name}` | {processor:.2f} | {clock:.2f} |")


if __name__ == "__main__":
    main()
