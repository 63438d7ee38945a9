"""Calls of the `gan` command for tests: in this process, or as a shell would."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gan.commands import main

ROOT = Path(__file__).parent.parent
GanCommand = Callable[..., int]


def command_in(folder: Path, patch: pytest.MonkeyPatch) -> GanCommand:
    """``gan("sample", …)``: the console script in this process, in a folder; its exit code."""

    def command(*arguments: object) -> int:
        patch.chdir(folder)
        patch.setenv(main.FULL_ERRORS, "0")  # --debug sets it
        patch.setattr(sys, "argv", ["gan", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main.main()
        assert isinstance(end.value.code, int)
        return end.value.code

    return command


def in_a_process(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from gan.commands.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
