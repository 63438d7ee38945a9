"""The time of a new user's first steps: `git clone`, set-up, a first training, a recipe of their own, and the demo.

    python benchmarks/newcomer.py

The steps are the commands of README and docs/recipes.md. They run in a fresh clone of this checkout's last commit and
do not use this checkout's .venv. How much pip downloads depends on the machine: less with a cache or with wheels on the
disk. The demo is opened in Chromium if Chromium and the package playwright are installed; otherwise its page and one
picture are requested over HTTP.
"""

import argparse
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LOOK_SECONDS = 0.1


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, help="folder for the clone, which is kept; default: a temporary folder")
    arguments.add_argument("--pip-args", default="", help="arguments for pip, as in `make setup PIP_ARGS=…`")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        clone = (given.out or Path(folder)) / "gan"
        print(f"{platform.machine()}, {processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        began = time.monotonic()

        def step(name: str, work: Callable[[], float | None]) -> None:
            start = time.monotonic()
            end = work() or time.monotonic()
            load = os.getloadavg()[0]  # of the last minute
            print(f"{end - start:7.1f} s  {end - began:7.1f} s  {load:4.1f}  {name}", flush=True)

        print("     step      so far  load")
        step("git clone", lambda: run(["git", "clone", "--quiet", str(ROOT), str(clone)], ROOT))
        step("make setup", lambda: run(["make", "setup", f"PIP_ARGS={given.pip_args}"], clone))
        training(step, clone)
        write_recipe(clone)
        mine = [".venv/bin/python", "train.py", "experiment=mine"]
        step("python train.py experiment=mine (docs/recipes.md, 5 epochs of Fashion-MNIST)", lambda: run(mine, clone))
        step("gan demo, until its page shows digits", lambda: demo(clone))


def processor() -> str:
    """The model name of the processor, where the system has one."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text() if info.exists() else "")
    return found[1] if found else platform.processor()


def run(command: list[str], folder: Path) -> None:
    """Run a command that must succeed, without the variables of this checkout's virtual environment."""
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")


def environment() -> dict[str, str]:
    removed = ("PYTHONPATH", "VIRTUAL_ENV", "GAN_DATA", "OMP_NUM_THREADS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    return {name: value for name, value in os.environ.items() if name not in removed}


def training(step: Callable[[str, Callable[[], float | None]], None], clone: Path) -> None:
    """`make train`, timed until its first grids and until its end."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the progress bar
    process = subprocess.Popen(["make", "train"], cwd=clone, env=environment(), **quiet)
    step("make train, until samples/epoch_0000.png: before training", lambda: appears(clone, "epoch_0000.png", process))
    step(
        "         … until samples/epoch_0001.png: the first trained grid",
        lambda: appears(clone, "epoch_0001.png", process),
    )
    step("         … until its end", lambda: ends(process))
    [record] = clone.glob("outputs/*/*/run.json")
    fcd = json.loads(record.read_text())["ended"]["quality/fcd"]
    print(f"FCD of its digits, as measured at the end of training: {fcd:.2f}")


def appears(clone: Path, name: str, process: subprocess.Popen[bytes]) -> None:
    while not list(clone.glob(f"outputs/*/*/samples/{name}")):
        if process.poll():
            raise SystemExit(f"make train has failed: exit code {process.returncode}")
        time.sleep(LOOK_SECONDS)


def ends(process: subprocess.Popen[bytes]) -> None:
    if process.wait():
        raise SystemExit(f"make train has failed: exit code {process.returncode}")


def write_recipe(clone: Path) -> None:
    """conf/experiment/mine.yaml, as docs/recipes.md shows it."""
    shown = re.search(r"```yaml\n(# @package _global_\n.*?)```", (clone / "docs" / "recipes.md").read_text(), re.DOTALL)
    assert shown is not None
    (clone / "conf" / "experiment" / "mine.yaml").write_text(shown[1])


def demo(clone: Path) -> float:
    """Start `gan demo`; return the time at which its page showed images."""
    command = [".venv/bin/gan", "demo", "--port", "0"]
    with subprocess.Popen(command, cwd=clone, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().split()[0]
            return seen_in_chromium(address) if browser() else answered(address)
        finally:
            server.terminate()


def browser() -> str | None:
    if importlib.util.find_spec("playwright") is None:
        return None
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def answered(address: str) -> float:
    print("Chromium or playwright is not installed: the demo's page and one picture are requested over HTTP")
    for path in ("", "demo.js", "api/model", "api/images.png"):
        with urllib.request.urlopen(address + path, timeout=60) as answer:
            assert answer.read()
    return time.monotonic()


def seen_in_chromium(address: str) -> float:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page()
        page.goto(address)
        page.wait_for_function(
            "() => document.querySelector('canvas') && document.querySelector('canvas').width !== 300"
        )
        seen = time.monotonic()
        chromium.close()
    return seen


if __name__ == "__main__":
    main()
