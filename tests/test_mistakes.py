"""Every mistake of the table gets its answer, exit code 2, and leaves nothing; docs/errors.md is the table."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from gan_command import command_in, in_a_process
from mistakes import GIVEN, PAGE, Mistake, all_mistakes
from train_command import ROOT, train_here

ALL = all_mistakes()
FROM_A_SHELL = ALL[::7]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def here(command: str, folder: Path, patch: pytest.MonkeyPatch) -> int:
    """The exit code of a command that is run in this process, by the way of the real one."""
    words = shlex.split(command)
    return command_in(folder, patch)(*words[1:]) if words[0] == "gan" else train_here(folder, patch, *words[2:])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GAN_DATA", raising=False)
    return tmp_path


def check(mistake: Mistake, folder: Path, err: str, out: str) -> None:
    assert err.replace(str(folder), "/home/me") == mistake.answer
    assert all(line.startswith("INFO: ") for line in out.splitlines())
    assert not {path.name for path in folder.iterdir()} & {"outputs", "multirun"}


def named(mistake: Mistake) -> str:
    return " ".join([mistake.command.removeprefix("python train.py "), mistake.given])


@pytest.mark.parametrize("mistake", ALL, ids=named)
def test_a_mistake_gets_its_answer_and_leaves_nothing(
    mistake: Mistake, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    GIVEN[mistake.given](folder)
    before = contents(folder)
    capfd.readouterr()
    assert here(mistake.command, folder, monkeypatch) == 2
    out, err = capfd.readouterr()
    check(mistake, folder, err, out)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(mistake, id=named(mistake), marks=[pytest.mark.slow] if number % 8 else [])
        for number, mistake in enumerate(FROM_A_SHELL)
    ],
)
def test_so_it_does_from_a_shell(mistake: Mistake, tmp_path: Path) -> None:
    GIVEN[mistake.given](tmp_path)
    before = contents(tmp_path)
    words = shlex.split(mistake.command)
    if words[0] == "gan":
        done = in_a_process(*words[1:], folder=tmp_path)
    else:
        environment = {name: value for name, value in os.environ.items() if name != "GAN_DATA"}
        done = subprocess.run(
            [sys.executable, str(ROOT / "train.py"), *words[2:]],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    check(mistake, tmp_path, done.stderr, done.stdout)
    assert contents(tmp_path) == before


def test_the_page_is_long_and_read_as_a_whole() -> None:
    assert len(set(ALL)) == len(ALL) == PAGE.read_text().count("\n$ ") >= 60
    assert len(FROM_A_SHELL) >= 15
    assert {mistake.given for mistake in ALL} == set(GIVEN)


@pytest.mark.parametrize(
    ("shown", "word", "told"),
    [
        ("0", "model=mpl", "model: no such option 'mpl'"),
        ("1", "model=mpl", "Could not find 'model/mpl'"),
        ("1", "optimizer.lr=-5", "optimizer.lr: -5 given, a number greater than 0 expected"),
    ],
)
def test_a_traceback_is_shown_to_who_asks_for_it(shown: str, word: str, told: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), word],
        cwd=tmp_path, env={**os.environ, "HYDRA_FULL_ERROR": shown}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ("Traceback" in done.stderr) == (shown == "1")
    assert told in done.stderr
