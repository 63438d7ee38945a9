"""Check of a built wheel: its contents, and a training with it alone in a new environment, in an empty folder.

python tests/wheel_check.py dist/*.whl [--full]

The new environment gets only the wheel. Its dependencies are those of the environment that runs this script, by a .pth
file: this is quick and needs no network, but does not check that the dependencies resolve. With --full, pip installs
the wheel with all its dependencies.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

NEEDED = (
    *(
        "gan/__main__.py",
        "gan/py.typed",
        "gan/conf/__init__.py",
        "gan/conf/config.yaml",
        "gan/conf/hydra/sweeper/grid.yaml",
    ),
    *("gan/metrics/weights/mnist_classifier.safetensors", "gan/data/samples/mnist/LICENSE", "gan/report/page.css"),
    *("gan/demo/pages/demo.html", "gan/demo/generator.safetensors", "hydra_plugins/gan_sweeps.py"),
)
TOPS = {"gan", "hydra_plugins"}
TINY = ("data=mnist_sample", "model=mlp", "trainer.max_steps=5", "trainer.accelerator=cpu", "callbacks.quality=null")
ELSEWHERE = """
import hydra, os, sys
@hydra.main(version_base="1.3", config_path=None)
def main(config): print(config.penalty)
sys.argv += ["hydra.searchpath=[pkg://gan.conf]", "+penalty=r1"]
main()
"""


def check_contents(wheel: Path) -> None:
    """Raise an AssertionError if a file is missing, or one that does not belong there is in the wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = [name for name in NEEDED if name not in names]
    strange = sorted({name.partition("/")[0] for name in names} - TOPS)
    assert not missing, f"{wheel.name}: {missing} missing"
    assert all(name.endswith(".dist-info") for name in strange), f"{wheel.name}: {strange} do not belong there"


def install(wheel: Path, folder: Path, *, full: bool) -> Path:
    """Make an environment with the wheel, and return its folder of programs."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *([] if full else ["--no-deps"]), wheel], check=True)
    if not full:
        asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        site = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
        (Path(site) / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return programs


def check_commands(programs: Path, folder: Path) -> None:
    """Train on one and two processes, sweep, resume, repeat and list options, in an empty folder."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GAN_PROCESS")}
    environment |= {"OMP_NUM_THREADS": "1"}

    def run(*words: str) -> str:
        print("  ", *words[:8], flush=True)
        done = subprocess.run(
            [programs / words[0], *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    assert run("python", "-c", "import gan; print(gan.__file__)").startswith(str(programs.parent))
    assert run("gan", "--version").startswith("gan ")
    assert "gan train experiment=quickstart" in run("gan", "train", "--help")
    assert "penalty.gamma" in run("gan", "options", "penalty/r1")
    run("gan", "train", *TINY, "hydra.run.dir=one")
    run("gan", "train", *TINY, "trainer.devices=2", "hydra.run.dir=two")
    run("gan", "train", "resume=two", "trainer.max_steps=8")
    run("gan", "train", "-m", *TINY, "seed=0,1", "hydra.sweeper.n_jobs=2", "hydra.sweep.dir=sweep")
    assert "The same numbers" in run("gan", "repeat", "one")
    assert "10.0" in run("python", "-c", ELSEWHERE)


def main(wheel: str, *flags: str) -> None:
    check_contents(Path(wheel))
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty"
        empty.mkdir()
        check_commands(install(Path(wheel).resolve(), Path(folder) / "environment", full="--full" in flags), empty)
    print(f"{wheel}: complete, and trains")


if __name__ == "__main__":
    main(*sys.argv[1:])
