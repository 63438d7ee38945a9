"""Memory for tensors: no page faults for memory that was freed, and the user's own settings kept."""

import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from gan_command import command_in

from gan.system.tensor_memory import OF_GLIBC, keep_freed_memory

# How much glibc gives back depends on what lies behind it in memory, except with a fixed threshold: then all.
FAULTS = """
import ctypes, resource, sys
from gan.system.tensor_memory import M_MMAP_THRESHOLD, keep_freed_memory
ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 128 * 1024)
if sys.argv[1] == "keep":
    keep_freed_memory()
import torch
def update():
    held = [torch.full((256, 1024), float(number)) for number in range(100)]
for _ in range(5):
    update()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    update()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
BYTES = 10 * 100 * 2**20  # of all tensors of the measured updates


def faults(word: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in (*OF_GLIBC, "LD_PRELOAD")}
    command = [sys.executable, "-c", FAULTS, word]
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    given_back, kept = faults("give back"), faults("keep")
    assert given_back > BYTES / mmap.PAGESIZE / 2
    assert kept < given_back / 100


def test_the_users_own_settings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr("ctypes.CDLL", called.append)
    for name in OF_GLIBC:
        keep_freed_memory({name: "1"})
    assert called == []


@pytest.mark.parametrize(("system", "expected"), [("linux", 2), ("darwin", 0), ("win32", 0)])
def test_only_linux_has_these_settings(monkeypatch: pytest.MonkeyPatch, system: str, expected: int) -> None:
    class GNU:
        calls: ClassVar[list[tuple[int, int]]] = []

        def __init__(self, name: None) -> None: ...

        def mallopt(self, setting: int, value: int) -> int:
            self.calls.append((setting, value))
            return 1

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("ctypes.CDLL", GNU)
    keep_freed_memory({})
    assert len(GNU.calls) == expected


def test_another_c_library_has_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    keep_freed_memory({})


@pytest.mark.parametrize(("in_python", "expected"), [(False, 1), (True, 0)])
def test_a_run_keeps_memory_except_in_a_python_program_of_the_users(in_python: bool, expected: int) -> None:
    code = f"""
from gan.launch import command_line, hydra_job
from gan.system import tensor_memory
called = []
tensor_memory.keep_freed_memory = lambda: called.append(1)
command_line.begin(raises={in_python})  # gan.train raises its errors
hydra_job.job(lambda config: 0)({{}})
print(len(called))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) == expected


def test_an_evaluation_keeps_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called: list[int] = []
    monkeypatch.setattr("gan.commands.evaluate.keep_freed_memory", lambda: called.append(1))
    assert command_in(tmp_path, monkeypatch)("evaluate", ".") == 2  # no run is there
    assert called == [1]
