"""metrics.csv: everything that is logged, one row at a time, as one table in the run folder."""

import csv
import io
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from gan.files import write_bytes


class MetricsCSV(Logger):
    """Rows of ``step`` (generator updates) and whatever was logged at it; a column appears when it is first logged.

    Unlike Lightning's CSVLogger it may live in a folder that holds other files, and keeps the rows that are there.
    """

    FILE_NAME = "metrics.csv"

    def __init__(self, save_dir: str) -> None:
        super().__init__()
        self.path = Path(save_dir) / self.FILE_NAME
        self._columns: list[str] = []

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
        """The run folder's config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        row = {"step": step, **metrics}
        if not self._columns and self.path.exists():
            with self.path.open(newline="") as file:
                self._columns = next(csv.reader(file), [])
        new = [name for name in row if name not in self._columns]
        if new:
            self._write_again([*self._columns, *new])
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    def _write_again(self, columns: list[str]) -> None:
        """Put the rows that are there under more columns."""
        rows: list[dict[str, str]] = []
        if self.path.exists():
            with self.path.open(newline="") as file:
                rows = list(csv.DictReader(file))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        write_bytes(self.path, text.getvalue().encode())
        self._columns = columns
