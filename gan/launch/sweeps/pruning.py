"""Ends a run of a search early when it is hopeless; `search.py` adds this callback to its jobs."""

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as L

from gan.runs.sweep_jobs import PRUNED, STUDY
from gan.system.files import write_bytes
from gan.training.callbacks.quality import QualityMonitor
from gan.training.module import GAN

if TYPE_CHECKING:
    from gan.launch.sweeps.study import RunningTrial


class Pruning(L.Callback):
    """After each measurement: ends the run if it is worse than the median of the others at the same measurement.

    The n-th measurement is that after n times ``callbacks.quality.every`` real images. Where nothing is measured, or
    not this measure, nothing is ended. Only the first process asks; the others do as it says. Why a run was ended
    stands in the run folder's pruned.json: the measurement, its value, and the median of how many finished runs it was
    held against.

    Args:
        sweep: the folder of the search, with its study. trial: this run's number in it.
        monitor: the measure, lower or higher is better as the study has it, such as "quality/fcd".
        first_points: runs that must have finished before any is compared.
        first_measurements: the measurement from which on a run may be ended; 1 is its first.
    """

    def __init__(
        self, sweep: str, trial: int, monitor: str = "quality/fcd", first_points: int = 4, first_measurements: int = 1
    ) -> None:
        self.sweep = Path(sweep)
        self.trial = trial
        self.monitor = monitor
        self.first_points = first_points
        self.first_measurements = first_measurements
        self._looked_at: set[int] = set()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """A run that was killed just after it was found hopeless is so still; one gone on with by itself is not."""
        if trainer.is_global_zero and self.place is None:
            (Path(trainer.default_root_dir) / PRUNED).unlink(missing_ok=True)
        self._look(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._look(trainer, pl_module)

    def _look(self, trainer: L.Trainer, game: L.LightningModule) -> None:
        assert isinstance(game, GAN)
        callbacks: Any = trainer.callbacks  # type: ignore[attr-defined]  # set by a connector
        monitor = next((callback for callback in callbacks if isinstance(callback, QualityMonitor)), None)
        value = None if monitor is None else monitor.latest.get(self.monitor.removeprefix("quality/"))
        if monitor is not None and value is not None:
            self._end_if_hopeless(trainer, game.images_seen // monitor.every, value)

    def _end_if_hopeless(self, trainer: L.Trainer, measurement: int, value: float) -> None:
        reason = self._reason(measurement, value) if trainer.is_global_zero else None
        if not trainer.strategy.broadcast(reason):
            return
        if reason is not None:
            write_bytes(Path(trainer.default_root_dir) / PRUNED, (json.dumps(reason) + "\n").encode())
        trainer.should_stop = True

    @functools.cached_property
    def place(self) -> "RunningTrial | None":
        """This run's place in its search; None of a run that is repeated, or gone on with, by itself."""
        if not (self.sweep / STUDY).is_file():
            return None
        from gan.launch.sweeps.study import RunningTrial  # optuna, which only a search needs

        place = RunningTrial(self.sweep, self.trial, self.first_points, self.first_measurements)
        return place if place.is_awaited else None

    def _reason(self, measurement: int, value: float) -> dict[str, float] | None:
        """What to write down of a run that is hopeless; None of one that is not, or was looked at already.

        A run that was killed may have reported more than it has come to since: it goes on to where it was.
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
