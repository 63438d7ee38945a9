"""What each layer around the game takes: microseconds of a minibatch beyond the bare loop of benchmarks/loops.py.

    python benchmarks/overhead.py --rounds 5

The networks have one hidden unit and the minibatches two images, so that computing takes next to nothing and the rest
is seen. Every layer plays in each round, one after the other, all in this process; a layer's time is the median of its
minibatches, and what is printed are the medians over the rounds, with the least and greatest difference to the bare
loop of the same round.
"""

import argparse
import contextlib
import io
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import lightning.pytorch as L
import loops  # first of ours: it puts the project on the path
import raced
from hydra import compose, initialize_config_dir

from gan.launch.hydra_job import resolved
from gan.training import fast_loop
from gan.training.build import build_data, build_game, build_trainer, set_up_process
from gan.training.fast_loop import Stepper

SYSTEM = "udacity_mnist"
TINY = ("model.generator.hidden=[1]", "model.discriminator.hidden=[1]")
NOTHING = ("callbacks=none", "~callbacks.samples", "logger=none")
EVERYTHING = ("callbacks.quality=null", "callbacks.best=null")
WARM_UP = 50


class Clock(L.Callback):
    """When each minibatch began."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.times.append(time.perf_counter())


class ByHand(Clock):
    """Plays the game in a plain loop, before Lightning's would begin."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        pl_module.train()
        pl_module.on_train_start()
        for index, batch in zip(range(trainer.num_training_batches), trainer.train_dataloader, strict=False):
            self.on_train_batch_start(trainer, pl_module, batch, index)
            pl_module.training_step(batch, index)
        trainer.fit_loop.max_epochs = 0


def bare(count: int) -> float:
    times: list[float] = []

    def timed(step: Callable[..., None], batches: Iterator[Any], images: int) -> tuple[float, float]:
        for _, (real, labels) in zip(range(count), batches, strict=False):
            times.append(time.perf_counter())
            step(real, labels)
        return 0.0, 0.0

    original, loops.timed = loops.timed, timed
    loops.bare(SYSTEM, 0, False)
    loops.timed = original
    return middle(times)


def project(count: int, words: tuple[str, ...], clock: Clock) -> float:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        with initialize_config_dir(str(raced.ROOT / "conf"), version_base="1.3"):
            length = ("trainer.max_epochs=1", f"trainer.limit_train_batches={count}")
            own = (f"experiment={SYSTEM}", "data=mnist_sample", "data.batch_size=2", f"run_dir={folder}")
            settings: Any = resolved(compose("config", [*own, *TINY, *length, *words]))
        data = build_data(settings)
        data.setup()
        game, trainer = build_game(settings, data), build_trainer(settings)
        cast(Any, trainer).callbacks = [*cast(Any, trainer).callbacks, clock]
        trainer.fit(game, datamodule=data)
    return middle(clock.times)


@contextlib.contextmanager
def lightnings_way() -> Iterator[None]:
    """Leave nothing out of what Lightning does."""
    can_use_fast_loop, of = fast_loop.can_use_fast_loop, Stepper.for_trainer
    fast_loop.can_use_fast_loop, Stepper.for_trainer = lambda trainer: False, Stepper  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        fast_loop.can_use_fast_loop, Stepper.for_trainer = can_use_fast_loop, of  # type: ignore[method-assign]


def all_of_lightning(count: int, words: tuple[str, ...]) -> float:
    with lightnings_way():
        return project(count, words, Clock())


def middle(times: list[float]) -> float:
    """The median minibatch, in microseconds."""
    return 1e6 * statistics.median(after - before for before, after in itertools.pairwise(times[WARM_UP:]))


LAYERS: dict[str, Callable[[int], float]] = {
    "bare loop": bare,
    "our training step, called directly": lambda count: project(count, NOTHING, ByHand()),
    "in the fast loop": lambda count: project(count, NOTHING, Clock()),
    "in the fast loop, with all callbacks and loggers": lambda count: project(count, EVERYTHING, Clock()),
    "the same with `model.compile=true`": lambda count: project(count, (*EVERYTHING, "model.compile=true"), Clock()),
    "in Lightning's loop": lambda count: all_of_lightning(count, NOTHING),
    "in Lightning's loop, with all callbacks and loggers": lambda count: all_of_lightning(count, EVERYTHING),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--minibatches", type=int, default=1500)
    given = arguments.parse_args()
    set_up_process()
    raced.RECIPES[SYSTEM] = replace(raced.RECIPES[SYSTEM], batch=2)
    raced.WORDS.extend(TINY)
    found: dict[str, list[float]] = {name: [] for name in LAYERS}
    for _ in range(given.rounds):
        for name, layer in LAYERS.items():
            found[name].append(layer(given.minibatches))
    print("| loop | µs per batch | more than the bare loop (min–max) |\n| --- | --- | --- |")
    for name, times in found.items():
        beyond = [one - other for one, other in zip(times, found["bare loop"], strict=True)]
        spread = f"{statistics.median(beyond):.0f} ({min(beyond):.0f}–{max(beyond):.0f})"
        print(f"| {name} | {statistics.median(times):.0f} | {'' if name == 'bare loop' else spread} |")


if __name__ == "__main__":
    main()
