"""The installed package: its files, its version, and its configurations in another Hydra application."""

import glob
import json
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import setuptools
from gan_command import command_in
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from train_command import SMALL

import gan
from gan.config.options.conf_files import CONF
from gan.system.version import version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_with_code_is_a_package() -> None:
    """`find_packages` in setup.py passes over a folder without __init__.py, and the wheel would not have it."""
    folders = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in (ROOT / "gan").rglob("*.py")}
    assert set(setuptools.find_packages(str(ROOT), include=["gan", "gan.*"])) == folders
    assert (CONF / "__init__.py").is_file()


def test_every_file_of_the_package_is_in_the_wheel() -> None:
    listed = PROJECT["tool"]["setuptools"]["package-data"]
    found = {path for pattern in [*listed["gan"], *listed["*"]] for path in _glob(ROOT / "gan", pattern)}
    there = {path for path in (ROOT / "gan").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {path for path in there if path.suffix != ".py"} <= found
    assert {path for path in CONF.rglob("*.yaml")} == {path for p in listed["gan.conf"] for path in _glob(CONF, p)}


def _glob(folder: Path, pattern: str) -> set[Path]:
    """As setuptools reads a pattern: ** also matches files."""
    return {folder / name for name in glob.glob(pattern, root_dir=folder, recursive=True)}


def test_gan_train_is_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    command = command_in(tmp_path, monkeypatch)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    GlobalHydra.instance().clear()
    assert command("train", "model=mpl") == 2
    assert capfd.readouterr().err.startswith("model: no such option 'mpl'; did you mean 'mlp'?")
    assert command("train", *SMALL, "trainer.max_epochs=1", "hydra.run.dir=mine") == 0
    assert json.loads((tmp_path / "mine" / "run.json").read_text())["command"][:2] == ["gan", "train"]
    assert json.loads((tmp_path / "mine" / "run.json").read_text())["versions"]["gan"] == gan.__version__
    capfd.readouterr()
    assert command("train", "resume=mine") == 0  # finished
    advice = next(line for line in capfd.readouterr().out.splitlines() if "To make it longer: gan train " in line)
    words = shlex.split(advice.partition("To make it longer: gan ")[2])
    GlobalHydra.instance().clear()
    assert command(*words) == 0
    assert json.loads((tmp_path / "mine" / "run.json").read_text())["resumed"]


def test_the_version_is_the_projects(tmp_path: Path) -> None:
    assert gan.__version__ == PROJECT["project"]["version"]
    other = tmp_path / "pyproject.toml"
    other.write_text('[project]\nname = "other"\nversion = "9"\n')
    assert version(other) != "9"


@pytest.mark.slow
def test_the_wheel_alone_trains(tmp_path: Path) -> None:
    """What `make dist` does after the build, without an environment of its own for the build."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, ROOT / "tests" / "wheel_check.py", wheel], check=True)
