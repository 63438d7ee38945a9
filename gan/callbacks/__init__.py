"""What happens around the game: watching it, showing it, and keeping what it made."""

from gan.callbacks.alarms import Alarms
from gan.callbacks.bundle import GeneratorBundle
from gan.callbacks.checkpoint import BestCheckpoint, LastCheckpoint
from gan.callbacks.curves import LossCurves
from gan.callbacks.monitor import GameMonitor
from gan.callbacks.progress import GameProgress
from gan.callbacks.projector import FeatureProjector
from gan.callbacks.quality import QualityMonitor
from gan.callbacks.samples import SampleGrids

__all__ = [
    "Alarms",
    "BestCheckpoint",
    "FeatureProjector",
    "GameMonitor",
    "GameProgress",
    "GeneratorBundle",
    "LastCheckpoint",
    "LossCurves",
    "QualityMonitor",
    "SampleGrids",
]
