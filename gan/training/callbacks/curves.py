"""A Lightning callback that draws losses.png: both losses and D's accuracies over the run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.loggers import TensorBoardLogger

from gan.runs import file_names
from gan.runs.curves import Curve, read_curves, with_gaps
from gan.runs.figures import Line, draw
from gan.runs.metrics_csv import MetricsCSV
from gan.runs.series import ACCURACIES, COIN, LOSSES, Chart, drawn_in
from gan.system.files import write_bytes
from gan.training.game_module import GameModule
from gan.training.trainer_parts import loggers_of

# The charts of TensorBoard's page CUSTOM SCALARS.
DRAWN = (LOSSES, ACCURACIES)
LAYOUT = {"the game": {chart.title: ["Multiline", [series.name for series in drawn_in(chart)]] for chart in DRAWN}}


class LossCurves(L.Callback):
    """Draws the run folder's metrics.csv when training ends. Without that logger it draws nothing.

    TensorBoard gets the same two charts: one of both losses, one of the accuracies with the 50 % line of chance.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GameModule)
        if pl_module.turns == 0:  # a resumed run already has them
            for board in _boards(trainer):
                board.add_custom_scalars(LAYOUT)
            self._draw_coin(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._draw_coin(trainer)

    def _draw_coin(self, trainer: L.Trainer) -> None:
        for board in _boards(trainer):
            board.add_scalar(COIN, ACCURACIES.line, trainer.global_step)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        table = Path(trainer.default_root_dir) / MetricsCSV.FILE_NAME
        if trainer.is_global_zero and table.exists():
            write_bytes(table.with_name(file_names.CURVES), draw_curves(read_curves(table, "step")))


def _boards(trainer: L.Trainer) -> list[Any]:
    """The TensorBoard writers. They write in rank 0; in other processes they do nothing."""
    return [logger.experiment for logger in loggers_of(trainer, TensorBoardLogger)]


def draw_curves(curves: Mapping[str, Curve]) -> bytes:
    """A PNG of two charts, one above the other; the horizontal axis is generator updates."""
    panels: list[tuple[Chart, list[Line]]] = []
    for chart in DRAWN:
        logged = [series for series in drawn_in(chart) if series.name in curves]
        panels.append((chart, [(series.title, with_gaps(curves[series.name]), {}) for series in logged]))
    return draw(panels, columns=1, size=(8, 6), dpi=100, axis="generator updates")
