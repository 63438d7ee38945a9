"""A progress bar for the whole run: position, last logged values, speed and remaining time."""

import sys
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm

from gan.runs.series import SERIES, TRAIN
from gan.system.errors import at_least_one
from gan.training.callbacks.monitor import GameMonitor
from gan.training.callbacks.quality import quality_of
from gan.training.game_module import GameModule
from gan.training.trainer_parts import callback_of


class GameProgress(ProgressBar):
    """A progress bar over the minibatches of the whole run, with the last values of `GameMonitor`.

    Args:
        refresh_every: minibatches between two checks of whether the bar must be redrawn.
    """

    FORMAT = "{desc} {percentage:3.0f}% |{bar:12}| {elapsed} < {remaining}  {postfix[0]}"

    def __init__(self, refresh_every: int = 20) -> None:
        super().__init__()
        at_least_one(refresh_every=refresh_every)
        self._refresh_every = refresh_every
        self._bar: Any = None
        self._text = [""]  # the end of the bar; in a list, because tqdm puts a comma before a string
        self._monitor: GameMonitor | None = None
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def print(self, *args: Any, **kwargs: Any) -> None:
        tqdm.write(" ".join(map(str, args)))

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GameModule)
        self._monitor = callback_of(trainer, GameMonitor)
        self._bar = tqdm(
            total=_minibatches(trainer, pl_module),
            initial=pl_module.turns,
            disable=not self._enabled,
            bar_format=self.FORMAT,
            postfix=self._text,
            dynamic_ncols=True,
            # A terminal gets a live bar, a log file one line every 10 seconds.
            mininterval=0.1 if sys.stderr.isatty() else 10.0,
            file=sys.stderr,
        )

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        last = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        self._bar.set_description_str(f"epoch {trainer.current_epoch + 1}{last}", refresh=False)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self._refresh_every == 0:
            self._show(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._show(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._close()

    def _show(self, trainer: L.Trainer, game: L.LightningModule) -> None:
        assert isinstance(game, GameModule)
        if self._monitor is not None and self._monitor.latest:
            row = {TRAIN + name: value for name, value in self._monitor.latest.items()}
            self._text[0] = bar_text(row | quality_of(trainer))
        self._bar.update(game.turns - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()


def bar_text(values: Mapping[str, float]) -> str:
    """The last values as a short text for the progress bar. Values that were not logged are left out."""
    shown = (series.bar.format(values[series.name]) for series in SERIES if series.bar and series.name in values)
    return "".join(shown).strip()


def _minibatches(trainer: L.Trainer, game: GameModule) -> int | None:
    """The number of minibatches of the whole run; None if the run has no limit."""
    batches = int(trainer.num_training_batches)
    limits = []
    if trainer.max_epochs and trainer.max_epochs > 0:
        limits.append(trainer.max_epochs * batches)
    if trainer.max_steps > 0:
        limits.append(game.schedule.minibatches(trainer.max_steps, batches))
    return min(limits, default=None)
