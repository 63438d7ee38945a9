"""Logger of metrics.csv, one table of all logged metrics in the run folder; and resuming of TensorBoard's files."""

import csv
import io
import os
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from gan.runs import file_names
from gan.system.files import write_bytes


def event_files(logger: TensorBoardLogger) -> dict[str, int]:
    """Write all logged values to TensorBoard's event files, and return their sizes in bytes, by name."""
    logger.experiment.flush()
    return {path.name: path.stat().st_size for path in _event_files(logger)}


def cut_event_files(logger: TensorBoardLogger, sizes: dict[str, int] | None, step: int) -> None:
    """Remove what was logged after `event_files` returned these sizes; the next values go to a new file.

    Checkpoints of earlier versions have no sizes (None): TensorBoard then hides what was logged after ``step``.
    """
    logger.experiment.close()  # it opens a new file at the next write
    if sizes is None:
        logger.experiment.purge_step = step + 1
        return
    for path in _event_files(logger):
        if path.name not in sizes:
            path.unlink()
        elif path.stat().st_size > sizes[path.name]:
            os.truncate(path, sizes[path.name])


def _event_files(logger: TensorBoardLogger) -> list[Path]:
    return sorted(Path(logger.log_dir).glob("events.out.tfevents.*"))


class MetricsCSV(Logger):
    """Logger that writes one row per ``step`` (generator updates); a column is added when it is first logged.

    Unlike Lightning's CSVLogger it accepts a folder with other files, and keeps existing rows.
    """

    FILE_NAME = file_names.METRICS

    def __init__(self, save_dir: str) -> None:
        super().__init__()
        self.path = Path(save_dir) / self.FILE_NAME
        self._columns: list[str] = []
        self._rows: int | None = None  # number in the file; None: not yet counted

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: config.yaml in the run folder contains them."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        row = {"step": step, **metrics}
        counted = self._counted()
        new = [name for name in row if name not in self._columns]
        if new:
            self._rewrite(self._table()[0], [*self._columns, *new])
        try:
            # Path.open has no opener.
            with open(self.path, "a", newline="", encoding="utf-8", opener=_opened_if_there) as file:
                csv.DictWriter(file, self._columns).writerow(row)
        except OSError as error:
            error.filename = str(self.path)  # a failed write does not set the name
            raise
        self._rows = counted + 1

    @property
    def position(self) -> dict[str, Any]:
        """Return the current number of ``rows``, and the names of the ``columns``."""
        return {"rows": self._counted(), "columns": list(self._columns)}

    def back_to(self, position: dict[str, Any]) -> None:
        """Remove the rows and columns that were added after a `position`."""
        rows = self._table()[0][: position["rows"]]
        if rows:
            self._rewrite(rows, position["columns"])
        else:
            self.path.unlink(missing_ok=True)
        self._rows, self._columns = len(rows), list(position["columns"]) if rows else []

    def _counted(self) -> int:
        """Return the number of rows in the file; the first call reads the rows and columns."""
        if self._rows is None:
            rows, self._columns = self._table()
            self._rows = len(rows)
        return self._rows

    def _table(self) -> tuple[list[dict[str, str]], list[str]]:
        """Return rows and columns of the file, without an incomplete last line, which a killed process can leave."""
        if not self.path.exists():
            return [], []
        whole, newline, _ = self.path.read_text(encoding="utf-8").rpartition("\n")
        reader = csv.DictReader(io.StringIO(whole + newline))
        return list(reader), list(reader.fieldnames or [])

    def _rewrite(self, rows: list[dict[str, str]], columns: list[str]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        write_bytes(self.path, text.getvalue().encode())
        self._columns = columns


def _opened_if_there(path: str, flags: int) -> int:
    """Open without creating: a new file in place of a deleted table would have no header."""
    return os.open(path, flags & ~os.O_CREAT)
