"""Schemas of our own configuration nodes: each setting with its type, default, meaning, unit and range.

The Trainer, optimizers, callbacks and loggers are not here: they are ``_target_`` nodes, checked against the signatures
of what they name (``gan.targets``).
"""

from gan.schema.data import DataConfig
from gan.schema.game import SCHEDULES, AlternatingEpochsConfig, ObjectiveConfig, StepsConfig
from gan.schema.models import MODELS, DCGANConfig, DCGANNetworkConfig, MLPConfig, MLPNetworkConfig

__all__ = [
    "MODELS",
    "SCHEDULES",
    "AlternatingEpochsConfig",
    "DCGANConfig",
    "DCGANNetworkConfig",
    "DataConfig",
    "MLPConfig",
    "MLPNetworkConfig",
    "ObjectiveConfig",
    "StepsConfig",
]
