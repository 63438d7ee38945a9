"""Pruning callback: ends a run of a search early if it is worse than the median; `search.py` adds it to the jobs."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import lightning.pytorch as L

from gan.launch.sweeps import search_storage
from gan.runs import file_names
from gan.runs.run_files import write_json
from gan.training.callbacks.quality import QualityMonitor
from gan.training.game_module import GameModule
from gan.training.trainer_parts import callback_of

if TYPE_CHECKING:
    from gan.launch.sweeps.study import RunningTrial


class Pruning(L.Callback):
    """Callback that ends a run if it is worse than the median of the finished runs at the same measurement.

    Measurement n is made after n times ``callbacks.quality.every`` real images. A run that does not measure ``monitor``
    is never pruned. Only the first process decides; the others follow. pruned.json in the run folder contains the
    reason: the measurement, its value, the median, and the number of finished runs behind the median.

    Args:
        sweep: folder of the search, with its study. trial: number of this run in it.
        monitor: metric, e.g. "quality/fcd"; the study defines whether lower or higher is better.
        first_points: number of runs that must have finished before any run is pruned.
        first_measurements: first measurement at which a run may be pruned, counted from 1.
        study: name of the study, if it is in a database (``hydra.sweeper.storage``); None: it is in ``sweep``.
    """

    def __init__(
        self,
        sweep: str,
        trial: int,
        monitor: str = "quality/fcd",
        first_points: int = 4,
        first_measurements: int = 1,
        study: str | None = None,
    ) -> None:
        self.sweep = Path(sweep)
        self.trial = trial
        self.monitor = monitor
        self.first_points = first_points
        self.first_measurements = first_measurements
        self.study = study
        self._looked_at: set[int] = set()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Prune again a run that was killed while it was pruned; do not prune a run resumed outside the search."""
        if trainer.is_global_zero and self.place is None:
            (Path(trainer.default_root_dir) / file_names.PRUNED).unlink(missing_ok=True)
        self._look(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._look(trainer, pl_module)

    def _look(self, trainer: L.Trainer, game: L.LightningModule) -> None:
        assert isinstance(game, GameModule)
        monitor = callback_of(trainer, QualityMonitor)
        value = None if monitor is None else monitor.latest.get(self.monitor.removeprefix("quality/"))
        if monitor is not None and value is not None:
            self._end_if_hopeless(trainer, game.images_seen // monitor.every, value)

    def _end_if_hopeless(self, trainer: L.Trainer, measurement: int, value: float) -> None:
        reason = self._reason(measurement, value) if trainer.is_global_zero else None
        if not trainer.strategy.broadcast(reason):
            return
        if reason is not None:
            write_json(Path(trainer.default_root_dir) / file_names.PRUNED, reason)
        trainer.should_stop = True

    @functools.cached_property
    def place(self) -> "RunningTrial | None":
        """Return this run's trial in the search; None if it was repeated or resumed outside the search."""
        storage = search_storage.of_job(self.sweep, self.study)
        if storage is None:
            return None
        from gan.launch.sweeps.study import RunningTrial  # imports optuna, which only a search needs

        place = RunningTrial(storage, self.trial, self.first_points, self.first_measurements)
        return place if place.is_awaited else None

    def _reason(self, measurement: int, value: float) -> dict[str, float] | None:
        """Return the content of pruned.json if the run must be pruned; None if not, or if it was checked already.

        A killed run may have reported measurements after its checkpoint: it first trains up to these again.
        """
        place = self.place
        if place is None or measurement in self._looked_at:
            return None
        if measurement not in place.reported:
            place.report(measurement, value)
        if measurement < max(place.reported):
            return None
        self._looked_at.add(measurement)
        if not place.is_hopeless():
            return None
        median, finished = place.others(measurement)
        return {"measurement": measurement, self.monitor: value, "median": median, "finished_runs": finished}
