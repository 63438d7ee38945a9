"""Ends a run of a search early when it is hopeless; the search itself adds this to its points: gan.sweeps.search."""

import json
from pathlib import Path
from typing import Any

import lightning.pytorch as L

from gan.callbacks.quality import QualityMonitor
from gan.files import write_bytes
from gan.module import GAN
from gan.sweeps.points import PRUNED


class Pruning(L.Callback):
    """After each measurement: ends the run if it is worse than the median of the others at the same measurement.

    Only the first process asks; the others do as it says. Why a run was ended stands in the run folder's pruned.json.

    Args:
        sweep: the folder of the search, with its study. trial: this run's number in it.
        monitor: the measure, lower or higher is better as the study has it, such as "quality/fcd".
        first_points: runs that must have ended before any is compared.
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
        self._study: Any = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """A run that was killed just after it was found hopeless is so still."""
        self._end_if_hopeless(trainer, None)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GAN)
        callbacks: Any = trainer.callbacks  # type: ignore[attr-defined]  # set by a connector
        monitor = next((callback for callback in callbacks if isinstance(callback, QualityMonitor)), None)
        if monitor is None or not monitor.latest:
            return
        self._end_if_hopeless(trainer, (pl_module.images_seen // monitor.every, monitor.latest))

    def _end_if_hopeless(self, trainer: L.Trainer, measured: tuple[int, dict[str, float]] | None) -> None:
        reason = self._reason(measured) if trainer.is_global_zero else None
        if not trainer.strategy.broadcast(reason):
            return
        if reason is not None:
            write_bytes(Path(trainer.default_root_dir) / PRUNED, (json.dumps(reason) + "\n").encode())
        trainer.should_stop = True

    def _reason(self, measured: tuple[int, dict[str, float]] | None) -> dict[str, float] | None:
        """What to write down of a run that is hopeless; None of one that is not, or was looked at already."""
        import optuna

        from gan.sweeps.search import STUDY, storage_of

        if self._study is None:
            pruner = optuna.pruners.MedianPruner(self.first_points, self.first_measurements)
            self._study = optuna.load_study(study_name=STUDY, storage=storage_of(self.sweep), pruner=pruner)
        trial = optuna.trial.Trial(self._study, self._study.get_trials(deepcopy=False)[self.trial]._trial_id)
        reported = self._study.get_trials(deepcopy=False)[self.trial].intermediate_values
        if measured is not None:
            step, values = measured
            if step in reported or (value := values.get(self.monitor.removeprefix("quality/"))) is None:
                return None
            trial.report(value, step)
            reported = {**reported, step: value}
        if not reported or not trial.should_prune():
            return None
        last = max(reported)
        return {"measurement": last, self.monitor: reported[last]}
