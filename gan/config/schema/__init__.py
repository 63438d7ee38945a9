"""Schemas of our own configuration nodes: each setting with its type, default, meaning, unit and range.

The Trainer, optimizers, callbacks and loggers are not here: they are ``_target_`` nodes, checked against the signatures
of their classes (``gan.config.target_validation``).
"""

from collections.abc import Mapping

from gan.config.schema.data import DataConfig, FolderConfig
from gan.config.schema.game import AUGMENTATIONS, EMAS, LR_SCHEDULES, SCHEDULES
from gan.config.schema.models import MODELS
from gan.config.schema.objectives import OBJECTIVES, PENALTIES, ObjectiveConfig
from gan.data.registry import FOLDER, NAMES

# Every node that is one of several options: its group -> the option's name -> the schema of its settings.
NODES: Mapping[str, Mapping[str, type]] = {
    "data": {**dict.fromkeys(NAMES, DataConfig), FOLDER: FolderConfig},
    "model": MODELS,
    "objective": dict.fromkeys(OBJECTIVES, ObjectiveConfig),
    "penalty": PENALTIES,
    "augmentation": AUGMENTATIONS,
    "lr_schedule": LR_SCHEDULES,
    "schedule": SCHEDULES,
    "ema": EMAS,
}
