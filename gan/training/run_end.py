"""A Lightning loop that only calls the end-of-training hooks, for a run killed after its last update."""

from typing import Any

import lightning.pytorch as L

from gan.training.fast_loop import EpochLoop


class OnlyTheEnd(EpochLoop):
    """Lightning's epoch loop with no epoch left, which still calls the callbacks' ``on_train_end``.

    Lightning's own loop returns immediately, without these calls.
    """

    @property
    def skip(self) -> bool:
        return False

    def on_run_start(self) -> None:
        super().on_run_start()
        epochs: Any = self.epoch_progress.current
        if epochs.processed < epochs.started:  # the step limit was reached within an epoch
            self.on_advance_end()


def only_the_end(trainer: L.Trainer) -> None:
    """Make ``trainer.fit`` only call the end-of-training hooks; the run resumes from its final checkpoint."""
    loop = trainer.fit_loop
    ending = OnlyTheEnd(trainer, min_epochs=loop.min_epochs, max_epochs=loop.max_epochs)
    ending.epoch_loop = loop.epoch_loop
    trainer.fit_loop = ending
