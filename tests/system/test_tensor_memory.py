"""Memory for tensors: no page faults for memory that was freed, and the user's own settings kept."""

import os
import subprocess
import sys

import pytest

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
ON_GLIBC = sys.platform == "linux" and "CS_GNU_LIBC_VERSION" in os.confstr_names


def faults(word: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in OF_GLIBC}
    command = [sys.executable, "-c", FAULTS, word]
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not ON_GLIBC, reason="a setting of glibc")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    given_back, kept = faults("give back"), faults("keep")
    assert given_back > 100_000  # 25,600 pages of 4 KB in each update
    assert kept < 1_000


def test_the_users_own_settings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr("ctypes.CDLL", called.append)
    for name in OF_GLIBC:
        keep_freed_memory({name: "1"})
    assert called == []


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())  # a C library without mallopt
    keep_freed_memory({})
