"""The installed package: its files, its version, and its configurations in another Hydra application."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import setuptools

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
    found = {path for pattern in listed["gan"] for path in (ROOT / "gan").glob(pattern) if path.is_file()}
    found |= {path for folder in (ROOT / "gan").rglob("*") for path in folder.glob("py.typed")}
    found.add(ROOT / "gan" / "py.typed")
    there = {path for path in (ROOT / "gan").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {path for path in there if path.suffix != ".py"} <= found
    assert {path for path in CONF.rglob("*.yaml")} == {path for p in listed["gan.conf"] for path in CONF.glob(p)}


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
