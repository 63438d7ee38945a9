"""What this package looks up in Lightning's Trainer: callbacks and loggers of a class, and the data."""

from typing import TypeVar

import lightning.pytorch as L
from lightning.pytorch.loggers import Logger

from gan.data.module import ImageData

Callback = TypeVar("Callback", bound=L.Callback)
OfLogger = TypeVar("OfLogger", bound=Logger)


def callbacks_of(trainer: L.Trainer, kind: type[Callback]) -> list[Callback]:
    """The callbacks of a class, in their order."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by a connector
    return [callback for callback in callbacks if isinstance(callback, kind)]


def callback_of(trainer: L.Trainer, kind: type[Callback]) -> Callback | None:
    """The first callback of a class; None if there is none."""
    return next(iter(callbacks_of(trainer, kind)), None)


def loggers_of(trainer: L.Trainer, kind: type[OfLogger]) -> list[OfLogger]:
    """The loggers of a class, in their order."""
    return [logger for logger in trainer.loggers if isinstance(logger, kind)]


def image_data(trainer: L.Trainer) -> ImageData:
    """The data of a run."""
    data = trainer.datamodule  # type: ignore[attr-defined]  # set by a connector
    assert isinstance(data, ImageData)
    return data
