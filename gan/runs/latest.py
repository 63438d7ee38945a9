"""The word ``latest``: the newest run below the default folder of runs."""

import os
import sys
from pathlib import Path

from gan.runs import file_names
from gan.runs.reading import runs_below
from gan.system import process, shell
from gan.system.errors import GanError

LATEST = "latest"
OUTPUTS = Path("outputs")  # the default folder of runs: hydra.run.dir in conf/config.yaml


def named_run(given: Path) -> Path:
    """Return the newest run below outputs/ for the word ``latest``, and any other path unchanged.

    A file or folder with the name latest is used as it is. The newest run is the one that was started or resumed last.
    Its folder is printed to stderr.

    Raises:
        GanError: there is no run below outputs/.
    """
    if str(given) != LATEST or os.path.lexists(given):
        return given
    runs = runs_below(OUTPUTS)
    if not runs:
        start = shell.train("experiment=quickstart")
        raise GanError(f"{LATEST}: there is no run below {OUTPUTS}/ here; give a run folder, or start a run: {start}")
    newest = max(runs, key=lambda run: (run / file_names.SETTINGS).lstat().st_mtime_ns)
    if process.is_first():
        print(f"{LATEST}: {newest}", file=sys.stderr)
    return newest
