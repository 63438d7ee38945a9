"""No step waits for the device: what asks a tensor for its value makes the host wait until a GPU has computed it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tiny_runs import EveryStep, Play
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from gan.game.statistics import GameStatistics
from gan.training.callbacks import GameMonitor, LastCheckpoint
from gan.training.callbacks.alarms import Alarms
from gan.training.callbacks.progress import GameProgress
from gan.training.fast_loop import GameLoop

# Inside torch: `.item()`, shapes that depend on values. From Python: also what fetches a whole tensor.
WAITING = ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "_unique2")
FETCHING = ("tolist", "cpu", "numpy", "item", "__bool__", "__float__", "__int__", "__index__")
GAMES: list[tuple[str, ...]] = [
    (),
    ("penalty=r1_r2", "optimizer.clip_norm=0.5"),
    ("penalty=gradient_penalty", "objective=wasserstein", "optimizer.accumulate=2"),
    ("penalty=dragan", "ema=standard", "lr_schedule=cosine", "schedule.n_critic=2"),
    ("penalty=clipping", "objective=wasserstein", "optimizer=rmsprop"),
    ("augmentation=adaptive", "model.generator.conditioning=concat", "model.discriminator.conditioning=projection"),
    ("augmentation=diffaugment", "model.discriminator.conditioning=auxiliary", "model.generator.conditioning=concat"),
    ("model.codes.categorical=[3,2]", "model.codes.continuous=2", "game.instance_noise.std=0.1"),
    ("objective=relativistic_average", "model.discriminator.spectral_norm=true", "schedule.reuse_fakes=true"),
    ("trainer.precision=bf16-mixed", "objective=hinge"),
]


class Waits(TorchDispatchMode):
    """Writes down the operations inside torch that would make the host wait."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.partition("::")[2]
        if name in WAITING:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


class Fetches(TorchFunctionMode):
    """Writes down what is called of a tensor that would make the host wait."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in FETCHING:
            self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def watching() -> Iterator[list[str]]:
    seen: list[str] = []
    with Waits(seen), Fetches(seen):
        yield seen


@pytest.mark.parametrize("overrides", GAMES, ids=" ".join)
def test_no_minibatch_waits_but_those_that_log(
    play: Play, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...]
) -> None:
    waits: dict[int, list[str]] = {}
    advance = GameLoop.advance

    def watched(loop: GameLoop, data_fetcher: Any) -> None:
        with watching() as seen:
            advance(loop, data_fetcher)
        waits[len(waits) + 1] = seen

    monkeypatch.setattr(GameLoop, "advance", watched)
    for look in ("add_discriminator", "add_generator"):  # the tests' own, which take every loss at once
        monkeypatch.setattr(EveryStep, look, getattr(GameStatistics, look))
    around = [GameMonitor(), Alarms(), GameProgress(), LastCheckpoint()]
    play("trainer.log_every_n_steps=4", "data.drop_last=true", *overrides, callbacks=around)
    logging = {number for number in waits if number % 4 == 0}
    assert len(waits) == 10
    assert {number: seen for number, seen in waits.items() if seen and number not in logging} == {}
    assert any(waits[number] for number in logging)  # a row is numbers; and the test sees them


@pytest.mark.parametrize(
    "waits", [lambda x: x.item(), lambda x: bool(x > 0), float, lambda x: x[x > 0], lambda x: x.tolist()]
)
def test_what_waits_is_seen(waits: Any) -> None:
    with watching() as seen:
        waits(torch.ones(()))
    assert seen
