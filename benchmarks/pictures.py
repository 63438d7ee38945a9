"""Make the pictures of README and docs again, by the commands of docs/images/README.md.

    make pictures                          # those that need minutes
    make pictures ARGS="report.png"        # these
    make pictures ARGS="--list"            # what each needs; runs nothing

The commands run one after another in a new temporary folder, where they make their runs.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parent.parent
MANIFEST = ROOT / "docs" / "images" / "README.md"


@dataclass(frozen=True)
class Row:
    """One line of the manifest.

    Attributes:
        patterns: names of pictures below docs/images, or patterns such as "results/*.png".
        commands: what makes them, in order.
        needs: time and programs; `make pictures` runs the commands only if this begins with "minutes".
    """

    patterns: tuple[str, ...]
    commands: tuple[str, ...]
    needs: str

    @property
    def is_short(self) -> bool:
        return self.needs.startswith("minutes")

    def makes(self, name: str) -> bool:
        return any(fnmatch(name, pattern) or name == pattern for pattern in self.patterns)


def read_manifest(text: str) -> list[Row]:
    """The rows of the table."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    spans = re.compile(r"`([^`]+)`")
    return [Row(tuple(spans.findall(names)), tuple(spans.findall(how)), needs) for names, how, needs in rows]


def words(command: str) -> list[str]:
    """The words of a command, with this Python and with the paths of this repository, for any working folder."""
    programs = {"python": [sys.executable], "gan": [sys.executable, "-m", "gan"]}
    first, *others = shlex.split(command)
    ours = re.compile(r"^(train\.py|benchmarks/|docs/images/)")
    return [*programs.get(first, [first]), *(str(ROOT / word) if ours.match(word) else word for word in others)]


def make(rows: Sequence[Row]) -> None:
    """Run the commands of the rows, each command once.

    Raises:
        SystemExit: a command failed.
    """
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        for command in dict.fromkeys(command for row in rows for command in row.commands):
            print(f"$ {command}", flush=True)
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            code = subprocess.run(words(command), cwd=folder, env=environment, check=False).returncode
            if code:
                raise SystemExit(f"pictures: exit code {code} of: {command}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", help="pictures below docs/images; default: all that need minutes")
    arguments.add_argument("--list", action="store_true", help="print the pictures and what they need")
    given = arguments.parse_args()
    rows = read_manifest(MANIFEST.read_text(encoding="utf-8"))
    if given.list:
        for row in rows:
            print(f"{', '.join(row.patterns)}\n    {row.needs}")
        return
    unknown = [name for name in given.names if not any(row.makes(name) for row in rows)]
    if unknown:
        raise SystemExit(f"pictures: no line in docs/images/README.md for {', '.join(unknown)}; --list prints all")
    chosen = [row for row in rows if any(map(row.makes, given.names)) or (row.is_short and not given.names)]
    long = [row for row in chosen if not row.is_short]
    if long:
        raise SystemExit(f"pictures: {', '.join(long[0].patterns)}: {long[0].needs}; run the commands yourself")
    make(chosen)


if __name__ == "__main__":
    main()
