"""A Lightning callback that changes settings of a run while it trains, and records or repeats the changes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import lightning.pytorch as L

from gan.config.changed_settings import with_changes
from gan.runs.changes import Change, read_changes, write_changes
from gan.training.build import change_game
from gan.training.game_module import GameModule

Steering = Callable[["Changes", L.Trainer, GameModule], None]
_steering: ContextVar[Steering | None] = ContextVar("steering", default=None)


@contextmanager
def steered(steering: Steering) -> Iterator[None]:
    """Inside the block, `Changes` calls this function before the first minibatch of a run and after each one.

    It may call `Changes.make` and `Changes.end`, and wait: then the training waits.
    """
    before = _steering.set(steering)
    try:
        yield
    finally:
        _steering.reset(before)


class Changes(L.Callback):
    """Makes the changes of changes.json in the run folder, each after its minibatch: so `gan repeat` repeats them.

    `gan play` makes changes while the run trains, which are written to that file. A resumed run has the changes before
    its checkpoint, and makes those after it.

    Attributes:
        settings: the present settings of the run.
        made: the changes so far.
    """

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.made: list[Change] = []
        self._planned: list[Change] = []
        self._begun = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.settings, self.made = dict(pl_module.hparams), []
        self._planned = read_changes(Path(trainer.default_root_dir))
        self._begun = pl_module.turns if isinstance(pl_module, GameModule) else 0
        self._advance(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._advance(trainer, pl_module)

    def _advance(self, trainer: L.Trainer, game: L.LightningModule) -> None:
        assert isinstance(game, GameModule)
        while self._planned and self._planned[0].minibatches <= game.turns:
            change = self._planned.pop(0)
            if change.end:
                # A run that was ended by hand can be resumed, and goes on.
                trainer.should_stop = change.minibatches > self._begun or self._begun == 0
            else:
                self._apply(game, change.settings)
            self.made.append(change)
        if (steering := _steering.get()) is not None:
            steering(self, trainer, game)

    def _apply(self, game: GameModule, changes: Mapping[str, Any]) -> None:
        self.settings = with_changes(self.settings, changes)
        change_game(game, self.settings)

    def make(self, trainer: L.Trainer, game: GameModule, changes: Mapping[str, Any]) -> None:
        """Change settings now, and record it.

        Raises:
            ConfigError: the settings are not valid, or may not change.
        """
        self._apply(game, changes)
        self._record(trainer, Change(game.turns, dict(changes)))

    def end(self, trainer: L.Trainer, game: GameModule) -> None:
        """End the run now, and record it."""
        trainer.should_stop = True
        self._record(trainer, Change(game.turns, end=True))

    def _record(self, trainer: L.Trainer, change: Change) -> None:
        self.made.append(change)
        write_changes(Path(trainer.default_root_dir), [*self.made, *self._planned])
