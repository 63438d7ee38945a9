"""What a run costs: its updates, counted; its time, from steps that are really taken, on a copy that is thrown away."""

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
from gan.training.module import GAN

StepCounts = Counter[StepPlan]


def count_steps(schedule: Schedule, epochs: int, batches: int, max_steps: int) -> StepCounts:
    """How many minibatches of a run are a turn of D, of G, or of both.

    Args:
        epochs: of so many minibatches, ``batches``; -1 for no such limit.
        max_steps: generator updates; -1 for no such limit. One of the two limits must be given.
    """
    ends = [epochs * batches] if epochs >= 0 else []
    ends += [schedule.minibatches(max_steps, batches)] if max_steps >= 0 else []
    return schedule.step_counts(min(ends), batches)


def real_images(minibatches: int, batches: int, batch_size: int, images: int) -> int:
    """Real images in so many minibatches, ``batches`` of them an epoch, from a set of so many."""
    epochs, rest = divmod(minibatches, batches)
    return epochs * min(batches * batch_size, images) + min(rest * batch_size, images)


@dataclass(frozen=True)
class Trial:
    """What a few real steps have shown.

    Attributes:
        seconds: of one minibatch, by whose turn it is: the mean over those that were timed.
        timed: how many minibatches were.
        batch_size: images in each of them.
        checkpoint_bytes: of both networks, their optimizers' state and the average, as they are at rest.
        bundle_bytes: of the generator that is shown, alone.
        peak_memory: of the GPU, in bytes; None on another device.
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
    settings: Mapping[str, Any], data: ImageData, game: GAN, kinds: Iterable[StepPlan], *, processes: int = 1
) -> Trial:
    """Take real steps of each kind, on a copy of the game, in one process; nothing is written or changed.

    Args:
        settings: of the run: precision, device and the like are as there.
        data: has been set up.
        game: not in a Trainer yet.
        kinds: the turns to be timed.
        processes: that the run will have: a minibatch is timed at one's share of it.
    """
    trial_game, trial_data = copy.deepcopy(game), copy.copy(data)
    trial_data.batch_size = data.batch_size // processes
    stopwatch = Stopwatch(list(kinds), game.schedule.reuse_fakes)
    trial_game.schedule = stopwatch
    trial_game.use_eager_networks()  # compiling takes longer than the trial; what it gains is not known beforehand
    trial_game.lr_schedule = Constant()  # a rate does not change what a step costs; the others ask for the run's length
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(_for_trial(settings, folder))
        trainer.callbacks.append(stopwatch)  # type: ignore[attr-defined]  # set by a connector
        device = trainer.strategy.root_device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        with warnings.catch_warnings():  # the average of the generator is in eval mode, and is meant to be
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


class Stopwatch(L.Callback):
    """A schedule that gives each kind of turn in a row, and a callback that times them and then ends the run.

    After ``WARM_UP`` minibatches of a kind, so many are timed that there are ``ENOUGH`` of them and ``SECONDS`` have
    passed, but no longer than ``AT_MOST`` seconds. The device is waited for before and after, not in between.
    """

    WARM_UP, ENOUGH, SECONDS, AT_MOST = 3, 20, 1.0, 5.0

    minibatches_per_generator_update = 1

    def __init__(self, kinds: Sequence[StepPlan], reuse_fakes: bool = False) -> None:
        self.reuse_fakes = reuse_fakes
        self._kinds = kinds
        self._spent: list[tuple[float, int]] = []  # of each kind that is done: seconds and minibatches
        self._count = 0  # minibatches of the kind at hand
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
        """Seconds of one minibatch, by its kind."""
        return {kind: seconds / count for kind, (seconds, count) in zip(self._kinds, self._spent, strict=True)}

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._count += 1
        timed = self._count - self.WARM_UP
        assert isinstance(pl_module, GAN)
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
    """The run's settings, for one process without callbacks and loggers, and without an end."""
    devices = settings["trainer"]["devices"]
    own = {
        "devices": devices[:1] if isinstance(devices, list) else 1,
        "num_nodes": 1,
        "strategy": "auto",
        "max_epochs": -1,
        "max_steps": -1,
        "limit_train_batches": 1.0,
        "overfit_batches": 0.0,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "profiler": None,
        "default_root_dir": folder,
    }
    return {**settings, "trainer": {**settings["trainer"], **own}, "callbacks": {}, "logger": {}}


def _wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
