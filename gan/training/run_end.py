"""The end of a run that had trained for as long as it was to, and was killed before it could write what comes last."""

from typing import Any

import lightning.pytorch as L

from gan.training.fast_loop import EpochLoop


class OnlyTheEnd(EpochLoop):
    """Lightning's loop over epochs, of which none is left: what is done at the end of training is done.

    Lightning's own returns at once, without the callbacks' ``on_train_end``.
    """

    @property
    def skip(self) -> bool:
        return False

    def on_run_start(self) -> None:
        super().on_run_start()
        epochs: Any = self.epoch_progress.current
        if epochs.processed < epochs.started:  # its steps ended in an epoch
            self.on_advance_end()


def only_the_end(trainer: L.Trainer) -> None:
    """Let ``trainer.fit`` do no more than end a run whose checkpoint, from which it goes on, is its last one."""
    loop = trainer.fit_loop
    ending = OnlyTheEnd(trainer, min_epochs=loop.min_epochs, max_epochs=loop.max_epochs)
    ending.epoch_loop = loop.epoch_loop
    trainer.fit_loop = ending
