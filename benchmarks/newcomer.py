"""The way of somebody new, on the clock: from `git clone` to a first grid, a recipe of one's own, and a demo.

    python benchmarks/newcomer.py

Each step is what README and docs/recipes.md tell a newcomer to type, in a fresh clone of this checkout's last commit,
with nothing of this checkout's .venv. What pip downloads depends on the machine: with a cache, or a wheel on the disk,
less. Where a Chromium and the package playwright are there, the demo is opened in it; else it is asked as a page would.
"""

import argparse
import importlib.util
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
    arguments.add_argument("--out", type=Path, help="where to clone to, kept; by default a temporary folder")
    arguments.add_argument("--pip-args", default="", help="as `make setup PIP_ARGS=…` takes them")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        clone = (given.out or Path(folder)) / "gan"
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        began = time.monotonic()

        def step(name: str, work: Callable[[], float | None]) -> None:
            start = time.monotonic()
            end = work() or time.monotonic()
            print(f"{end - start:7.1f} s  {end - began:7.1f} s  {name}", flush=True)

        print("     step      so far")
        step("git clone", lambda: run(["git", "clone", "--quiet", str(ROOT), str(clone)], ROOT))
        step("make setup", lambda: run(["make", "setup", f"PIP_ARGS={given.pip_args}"], clone))
        training(step, clone)
        write_recipe(clone)
        own = [".venv/bin/python", "train.py", "experiment=mine"]
        step("python train.py experiment=mine (docs/recipes.md, 5 epochs of Fashion-MNIST)", lambda: run(own, clone))
        step("gan demo, until its page shows digits", lambda: demo(clone))


def run(command: list[str], folder: Path) -> None:
    """A command that must succeed, without the environment of a virtual environment of ours."""
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")


def environment() -> dict[str, str]:
    ours = ("PYTHONPATH", "VIRTUAL_ENV", "GAN_DATA", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    return {name: value for name, value in os.environ.items() if name not in ours}


def training(step: Callable[[str, Callable[[], float | None]], None], clone: Path) -> None:
    """`make train`, with the moments at which there is something to see."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the bar
    process = subprocess.Popen(["make", "train"], cwd=clone, env=environment(), **quiet)
    step("make train, until samples/epoch_0000.png: before training", lambda: appears(clone, "epoch_0000.png", process))
    step(
        "         … until samples/epoch_0001.png: the first trained grid",
        lambda: appears(clone, "epoch_0001.png", process),
    )
    step("         … until its end, 20 epochs", lambda: ends(process))


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
    """Start it, and return when its pictures were there."""
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
    print("no Chromium, or no playwright: the demo's page and a picture are asked for over HTTP")
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
