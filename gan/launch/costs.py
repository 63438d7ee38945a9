"""Cost estimate of a run: counts its updates, and estimates its time from real steps on a temporary copy."""

import copy
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor

from gan.data.module import ImageData
from gan.game.learning_rates import Constant
from gan.game.schedules import Schedule, StepPlan
from gan.training.build import build_trainer
from gan.training.game_module import GameModule

StepCounts = Counter[StepPlan]


def count_steps(schedule: Schedule, epochs: int, batches: int, max_steps: int) -> StepCounts:
    """Count the minibatches of a run in which D, G, or both are updated.

    Args:
        epochs: number of epochs, each with ``batches`` minibatches; -1 for no limit.
        max_steps: generator updates; -1 for no limit. One of the two limits must be given.
    """
    ends = [epochs * batches] if epochs >= 0 else []
    ends += [schedule.minibatches(max_steps, batches)] if max_steps >= 0 else []
    return schedule.step_counts(min(ends), batches)


def real_images(minibatches: int, batches: int, batch_size: int, images: int) -> int:
    """Return the real images in ``minibatches``, with ``batches`` per epoch, from a dataset of ``images``."""
    epochs, rest = divmod(minibatches, batches)
    return epochs * min(batches * batch_size, images) + min(rest * batch_size, images)


@dataclass(frozen=True)
class Trial:
    """Measurements from a few real steps.

    Attributes:
        seconds: mean time of one minibatch, by step plan (which networks are updated).
        timed: number of timed minibatches.
        batch_size: images in each of them.
        checkpoint_bytes: size of both networks, their optimizers' state and the average in a checkpoint.
        bundle_bytes: size of the exported generator.
        peak_memory: peak GPU memory, in bytes; None on another device.
    """

    seconds: Mapping[StepPlan, float]
    timed: int
    batch_size: int
    checkpoint_bytes: int
    bundle_bytes: int
    peak_memory: int | None

    def run_seconds(self, turns: StepCounts) -> float:
        return sum(self.seconds[turn] * count for turn, count in turns.items())


def timed(
    settings: Mapping[str, Any], data: ImageData, game: GameModule, kinds: Iterable[StepPlan], *, processes: int = 1
) -> Trial:
    """Run real steps of each kind on a copy of the game in one process; write and change nothing.

    Args:
        settings: settings of the run, including precision and device.
        data: must have been set up.
        game: must not be in a Trainer yet.
        kinds: step plans to time.
        processes: number of processes of the run: the timed minibatch is the part of one process.
    """
    trial_game, trial_data = copy.deepcopy(game), copy.copy(data)
    trial_data.batch_size = data.batch_size // processes
    stopwatch = Stopwatch(list(kinds), game.schedule.reuse_fakes)
    trial_game.schedule = stopwatch
    trial_game.compile_updates(None)  # compiling takes longer than the trial; its gain is unknown
    trial_game.lr_schedule = Constant()  # the rate does not change the cost; other schedules need the run's length
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(_for_trial(settings, folder))
        trainer.callbacks.append(stopwatch)  # type: ignore[attr-defined]  # set by a connector
        device = trainer.strategy.root_device
        if device.type == "cuda":
            torch.cuda.init()
            torch.cuda.reset_peak_memory_stats(device)
        with warnings.catch_warnings():  # the average of the generator is in eval mode on purpose
            warnings.filterwarnings("ignore", "Found .* in eval mode")
            trainer.fit(trial_game, datamodule=trial_data)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    states = [state for optimizer in trainer.optimizers for state in optimizer.state.values()]
    optimizer_bytes = _bytes(value for state in states for value in state.values() if isinstance(value, Tensor))
    return Trial(
        seconds=stopwatch.means(),
        timed=stopwatch.timed,
        batch_size=trial_data.batch_size,
        checkpoint_bytes=_bytes(trial_game.state_dict().values()) + optimizer_bytes,
        bundle_bytes=_bytes(trial_game.final_generator.state_dict().values()),
        peak_memory=peak,
    )


class Stopwatch(L.Callback, Schedule):
    """Schedule that runs each step plan in turn, and callback that times them and then ends the run.

    After ``WARM_UP`` minibatches of a kind, it times at least ``ENOUGH`` minibatches and ``SECONDS`` seconds, but no
    longer than ``AT_MOST`` seconds. It synchronises the device before and after, not in between.
    """

    WARM_UP, ENOUGH, SECONDS, AT_MOST = 3, 20, 1.0, 5.0

    minibatches_per_generator_update = 1

    def __init__(self, kinds: Sequence[StepPlan], reuse_fakes: bool = False) -> None:
        self.reuse_fakes = reuse_fakes
        self._kinds = kinds
        self._spent: list[tuple[float, int]] = []  # seconds and minibatches of each finished kind
        self._count = 0  # minibatches of the current kind
        self._began = 0.0

    def plan(self, epoch: int, d_updates: int) -> StepPlan:
        return self._kinds[len(self._spent)]

    def step_counts(self, minibatches: int, batches: int) -> StepCounts:
        return Counter({self.plan(0, 0): minibatches})

    def generator_updates(self, epochs: int, batches: int) -> int:
        return epochs * batches

    def minibatches(self, generator_updates: int, batches: int) -> int:
        return generator_updates

    @property
    def timed(self) -> int:
        return sum(count for _, count in self._spent)

    def means(self) -> dict[StepPlan, float]:
        """Return the mean seconds of one minibatch, by step plan."""
        return {kind: seconds / count for kind, (seconds, count) in zip(self._kinds, self._spent, strict=True)}

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._count += 1
        timed = self._count - self.WARM_UP
        assert isinstance(pl_module, GameModule)
        pl_module.record.clear()
        if timed < 0:
            return
        if timed == 0:
            _wait(pl_module.device)
            self._began = time.perf_counter()
        elif self._is_enough(timed):
            _wait(pl_module.device)
            self._spent.append((time.perf_counter() - self._began, timed))
            self._count = 0
            trainer.should_stop = len(self._spent) == len(self._kinds)

    def _is_enough(self, timed: int) -> bool:
        elapsed = (time.perf_counter() - self._began) * len(self._kinds)
        return elapsed >= self.AT_MOST or (timed >= self.ENOUGH and elapsed >= self.SECONDS)


def _for_trial(settings: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Return the settings of the run for one process, without callbacks, loggers and limits on the length."""
    devices = settings["trainer"]["devices"]
    own = {
        "devices": devices[:1] if isinstance(devices, list) else 1,
        "num_nodes": 1,
        "strategy": "auto",
        "max_epochs": -1,
        "max_steps": -1,
        "max_time": None,
        "limit_train_batches": 1.0,
        "overfit_batches": 0.0,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "profiler": None,
        "default_root_dir": folder,
    }
    return {**settings, "trainer": {**settings["trainer"], **own}, "callbacks": {}, "logger": {}}


def _wait(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
