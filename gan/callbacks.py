"""Lightning callbacks that log, draw and save. Configurations and saved runs name them as `gan.callbacks.NAME`."""

import sys

from gan.launch.sweeps import pruning
from gan.launch.sweeps.pruning import Pruning
from gan.training.callbacks import (
    Alarms,
    BestCheckpoint,
    Changes,
    FeatureProjector,
    GameMonitor,
    GameProgress,
    GeneratorBundle,
    LastCheckpoint,
    LossCurves,
    QualityMonitor,
    SampleGrids,
)

__all__ = [
    "Alarms",
    "BestCheckpoint",
    "Changes",
    "FeatureProjector",
    "GameMonitor",
    "GameProgress",
    "GeneratorBundle",
    "LastCheckpoint",
    "LossCurves",
    "Pruning",
    "QualityMonitor",
    "SampleGrids",
]

sys.modules["gan.callbacks.pruning"] = pruning  # its name in the runs of searches that earlier versions began
