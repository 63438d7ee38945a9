"""Schemas of our own configuration nodes: each setting with its type, default, meaning, unit and range.

The Trainer, optimizers, callbacks and loggers are not here: they are ``_target_`` nodes, checked against the signatures
of what they name (``gan.config.target_validation``).
"""

from collections.abc import Mapping

from gan.config.schema.augmentation import AUGMENTATIONS
from gan.config.schema.data import DataConfig, FolderConfig
from gan.config.schema.ema import EMAS
from gan.config.schema.game import SCHEDULES, AlternatingEpochsConfig, StepsConfig
from gan.config.schema.learning_rates import LR_SCHEDULES
from gan.config.schema.models import (
    MODELS,
    CodesConfig,
    DCGANConfig,
    DCGANDiscriminatorConfig,
    DCGANGeneratorConfig,
    DCGANNetworkConfig,
    MLPConfig,
    MLPDiscriminatorConfig,
    MLPGeneratorConfig,
    MLPNetworkConfig,
    R3GANConfig,
    R3GANDiscriminatorConfig,
    R3GANGeneratorConfig,
    ResNetConfig,
    ResNetDiscriminatorConfig,
    ResNetGeneratorConfig,
)
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

__all__ = [
    "AUGMENTATIONS",
    "EMAS",
    "LR_SCHEDULES",
    "MODELS",
    "NODES",
    "OBJECTIVES",
    "PENALTIES",
    "SCHEDULES",
    "AlternatingEpochsConfig",
    "CodesConfig",
    "DCGANConfig",
    "DCGANDiscriminatorConfig",
    "DCGANGeneratorConfig",
    "DCGANNetworkConfig",
    "DataConfig",
    "FolderConfig",
    "MLPConfig",
    "MLPDiscriminatorConfig",
    "MLPGeneratorConfig",
    "MLPNetworkConfig",
    "ObjectiveConfig",
    "R3GANConfig",
    "R3GANDiscriminatorConfig",
    "R3GANGeneratorConfig",
    "ResNetConfig",
    "ResNetDiscriminatorConfig",
    "ResNetGeneratorConfig",
    "StepsConfig",
]
