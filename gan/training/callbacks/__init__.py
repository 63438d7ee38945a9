"""Lightning callbacks that log, draw, measure and save."""

from gan.training.callbacks.alarms import Alarms
from gan.training.callbacks.bundle import GeneratorBundle
from gan.training.callbacks.changes import Changes
from gan.training.callbacks.checkpoint import BestCheckpoint, LastCheckpoint
from gan.training.callbacks.curves import LossCurves
from gan.training.callbacks.monitor import GameMonitor
from gan.training.callbacks.progress import GameProgress
from gan.training.callbacks.projector import FeatureProjector
from gan.training.callbacks.quality import QualityMonitor
from gan.training.callbacks.samples import SampleGrids

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
    "QualityMonitor",
    "SampleGrids",
]
