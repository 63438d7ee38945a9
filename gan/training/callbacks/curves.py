"""losses.png: both losses, and how often D is right, over the run."""

import io
import itertools
import math
import statistics
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.loggers import TensorBoardLogger

from gan.runs.metrics_csv import MetricsCSV
from gan.runs.run_files import read_rows
from gan.system.files import write_bytes
from gan.training.module import GAN

ACCURACIES = {
    "train/d_accuracy_real": "on real",
    "train/d_accuracy_fake": "on fake",
    "train/d_accuracy_pairs": "on pairs: which is real?",
}


LOSSES = {"train/d_loss": "discriminator", "train/g_loss": "generator"}
COIN = "train/d_accuracy_coin"
# TensorBoard's page CUSTOM SCALARS: what belongs together in one chart.
LAYOUT = {
    "the game": {
        "losses": ["Multiline", [*LOSSES]],
        "discriminator's accuracy": ["Multiline", [*ACCURACIES, COIN]],
    }
}


class LossCurves(L.Callback):
    """Draws the run folder's metrics.csv when training ends (without that logger, nothing).

    TensorBoard gets the same two charts: both losses in one, and the accuracies with the 50 % of a coin in the other.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GAN)
        if pl_module.turns == 0:  # a run that goes on has them
            for board in _boards(trainer):
                board.add_custom_scalars(LAYOUT)
            self._draw_coin(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._draw_coin(trainer)

    def _draw_coin(self, trainer: L.Trainer) -> None:
        for board in _boards(trainer):
            board.add_scalar(COIN, 0.5, trainer.global_step)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        table = Path(trainer.default_root_dir) / MetricsCSV.FILE_NAME
        if trainer.is_global_zero and table.exists():
            write_bytes(table.with_name("losses.png"), draw_curves(read_columns(table)))


def _boards(trainer: L.Trainer) -> list[Any]:
    """What writes for TensorBoard: in the first process; in others it does nothing."""
    return [logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]


def read_columns(table: Path) -> dict[str, tuple[list[int], list[float]]]:
    """The columns of a metrics.csv: for each name, the steps at which it was logged, and its values."""
    columns: dict[str, tuple[list[int], list[float]]] = {}
    for row in read_rows(table):
        for name, text in row.items():
            if text and name != "step":
                steps, values = columns.setdefault(name, ([], []))
                steps.append(int(row["step"]))
                values.append(float(text))
    return columns


def draw_curves(columns: dict[str, tuple[list[int], list[float]]]) -> bytes:
    """A PNG of two charts, one above the other, against generator updates."""
    from matplotlib.figure import Figure  # half a second to import: only when there is something to draw

    figure = Figure(figsize=(8, 6), layout="constrained")
    losses, accuracies = figure.subplots(2, 1, sharex=True)
    for name, label in LOSSES.items():
        _draw(losses, columns.get(name, ([], [])), label)
    losses.set_ylabel("loss")
    for name, label in ACCURACIES.items():
        if name in columns:
            _draw(accuracies, columns[name], label)
    accuracies.axhline(0.5, color="grey", linestyle=":", label="a coin")
    accuracies.set_ylim(-0.02, 1.02)
    accuracies.set_ylabel("discriminator's accuracy")
    accuracies.set_xlabel("generator updates")
    for axes in (losses, accuracies):
        axes.legend(loc="best", fontsize="small")
        axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _draw(axes: Any, column: tuple[list[int], list[float]], label: str) -> None:
    """A line, or points where there are so few that a line could not be seen."""
    axes.plot(*_with_gaps(*column), label=label, linewidth=1, marker="o" if len(column[0]) < 10 else None, markersize=3)


def _with_gaps(steps: list[int], values: list[float]) -> tuple[list[float], list[float]]:
    """Break the line where nothing was logged for long: with alternating epochs, while the other network trained."""
    distances = [after - before for before, after in itertools.pairwise(steps)]
    usual = statistics.median(distances) if distances else 0
    xs: list[float] = []
    ys: list[float] = []
    for step, value, distance in zip(steps, values, [0, *distances][: len(steps)], strict=True):
        if distance > 10 * usual:
            xs.append(math.nan)
            ys.append(math.nan)
        xs.append(step)
        ys.append(value)
    return xs, ys
