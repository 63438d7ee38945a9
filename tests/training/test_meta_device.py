"""Every kind of game plays a step of both networks on the `meta` device, as it must on a GPU.

There a tensor that was left on the CPU is an error, and so is each hidden wait for the device:
`.item()`, `bool(tensor)` and `.cpu()` have nothing to give. A tensor on the CPU of no dimensions would pass; it is
looked for.
"""

import contextlib
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import torch
from option_classes import FAMILIES, options
from test_combinations import SMALL
from tiny_runs import Compose
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from gan.config.validation import validate
from gan.training.build import build_game
from gan.training.callbacks import GameMonitor
from gan.training.module import GAN

BATCH, SIZE, CLASSES = 8, 16, 10


@pytest.fixture(autouse=True)
def no_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """`meta` is no device to torch.autocast, not even to switch it off."""
    monkeypatch.setattr("torch.autocast", lambda *args, **kwargs: contextlib.nullcontext())


class OnTheCPU(TorchDispatchMode):
    """Writes down each operation that takes or makes a tensor on the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_flatten((args, kwargs, result))[0] if isinstance(x, Tensor)]
        if any(tensor.device.type == "cpu" for tensor in tensors):
            self.seen.append(str(func))
        return result


class Stepper:
    """Backward and step without Lightning; the optimizer, which is torch's own, is not looked at."""

    def __init__(self, game: GAN, watched: OnTheCPU, listeners: list[Any]) -> None:
        self._game, self._watched, self._listeners = game, watched, listeners

    def backward(self, loss: Tensor) -> None:
        assert loss.is_meta
        loss.backward()

    def step(self, optimizer: torch.optim.Optimizer) -> bool:
        for listener in self._listeners:
            listener.on_before_optimizer_step(self._game.trainer, self._game, optimizer)
        self._game.on_before_optimizer_step(optimizer)
        seen = list(self._watched.seen)
        optimizer.step()
        self._watched.seen[:] = seen
        return True


def on_meta(settings: dict[str, Any], channels: int = 1) -> tuple[GAN, OnTheCPU, GameMonitor]:
    data: Any = SimpleNamespace(
        image_shape=(channels, SIZE, SIZE),
        num_classes=CLASSES,
        mean=settings["data"]["mean"],
        std=settings["data"]["std"],
    )
    game = build_game(settings, data).to("meta").train()
    watched, monitor = OnTheCPU(), GameMonitor()
    trainer = SimpleNamespace(
        optimizers=game.configure_optimizers(),
        precision_plugin=None,
        strategy=SimpleNamespace(reduce=lambda tensor, **_: tensor),
        world_size=1,
        global_rank=0,
        current_epoch=0,
        max_epochs=3,
        max_steps=-1,
        num_training_batches=4,
        log_every_n_steps=1000,
        loggers=[],
    )
    vars(game)["_trainer"] = trainer
    with mock.patch("gan.training.game_module.Stepper.for_trainer", lambda trainer: Stepper(game, watched, [monitor])):
        game.on_train_start()
    return game, watched, monitor


def play(settings: dict[str, Any], minibatches: int = 1, channels: int = 1) -> None:
    validate(settings)
    game, watched, monitor = on_meta(settings, channels)
    images = torch.zeros(BATCH, channels, SIZE, SIZE, device="meta")
    labels = torch.zeros(BATCH, dtype=torch.int64, device="meta")
    with watched:
        for index in range(minibatches):
            game.training_step((images, labels), index)
            monitor.on_train_batch_end(game.trainer, game, None, None, index)
        taken = game.record.take()
    assert watched.seen == []
    assert all(value.is_meta for value in taken.values())
    assert game.d_updates
    assert game.g_updates


COMMON = (
    "data=mnist_sample",
    f"data.batch_size={BATCH}",
    f"data.image_size={SIZE}",
    "optimizer.fused=null",  # which torch has for real devices alone
)
EVERY: list[tuple[str, ...]] = [
    *((f"objective={name}", "penalty=gradient_penalty") for name in options("objective")),
    *((f"penalty={name}",) for name in options("penalty")),
    *((f"augmentation={name}",) for name in options("augmentation")),
    *((f"ema={name}",) for name in options("ema")),
    *((f"lr_schedule={name}",) for name in options("lr_schedule")),
    ("game.d_batch=concatenated",),
    ("game.instance_noise.std=0.1",),
    ("objective.real_target=0.9",),
    ("model.prior=uniform", "model.codes.categorical=[3,2]", "model.codes.continuous=2"),
    ("schedule.n_critic=2", "augmentation=adaptive", "augmentation.every=2"),
    ("optimizer.clip_norm=0.5",),
    ("augmentation=adaptive", "augmentation.every=1", "ema=standard", "optimizer.accumulate=3", "penalty=r1_r2"),
    ("schedule.reuse_fakes=true", "objective=relativistic_paired", "penalty=r1_r2", "augmentation=diffaugment"),
]


@pytest.mark.parametrize("overrides", EVERY, ids=" ".join)
def test_every_option_plays_on_a_device(compose_settings: Compose, overrides: tuple[str, ...]) -> None:
    whole = any(word.startswith(("schedule.reuse", "optimizer.acc", "objective=relativistic")) for word in overrides)
    parts = [] if whole else ["optimizer.accumulate=2"]
    play(compose_settings(*COMMON, *SMALL["mlp"], *parts, *overrides), minibatches=2)


@pytest.mark.parametrize("name", ["adamw", "rmsprop", "sgd"])
def test_every_optimizer_plays_on_a_device(compose_settings: Compose, name: str) -> None:
    fused = [] if name == "rmsprop" else ["optimizer.fused=null"]  # which torch has for real devices alone
    play(compose_settings(f"optimizer={name}", *COMMON[:3], *fused, *SMALL["mlp"]))


@pytest.mark.parametrize("model", FAMILIES)
def test_every_network_plays_on_a_device(compose_settings: Compose, model: str) -> None:
    plain = compose_settings(f"model={model}", *COMMON, *SMALL[model])
    for discriminator in ("none", "concat", "projection", "auxiliary", "projection_twin"):
        generator = "none" if discriminator == "none" else "concat"
        settings = {**plain, "model": {**plain["model"]}}
        for network, conditioning in (("generator", generator), ("discriminator", discriminator)):
            settings["model"][network] = {**plain["model"][network], "conditioning": conditioning}
        play(settings, channels=3 if generator == "none" else 1)


@pytest.mark.parametrize("model", FAMILIES)
def test_every_network_plays_with_a_double_backward_on_a_device(compose_settings: Compose, model: str) -> None:
    settings = compose_settings(f"model={model}", "penalty=r1_r2", *COMMON, *SMALL[model])
    if model == "dcgan":
        settings["model"]["discriminator"]["normalization"] = "none"
    play(settings)


@pytest.mark.parametrize("model", ["mlp", "dcgan", "resnet"])
def test_every_normalization_plays_on_a_device(compose_settings: Compose, model: str) -> None:
    for normalization, conditioning in (("batch", "none"), ("batch", "batch_norm"), ("none", "none")):
        words = [f"model.generator.normalization={normalization}", f"model.generator.conditioning={conditioning}"]
        if conditioning != "none":
            words.append("model.discriminator.conditioning=projection")
        words.append("model.discriminator.spectral_norm=true")
        play(compose_settings(f"model={model}", *COMMON, *SMALL[model], *words))


def test_both_schedules_play_on_a_device(compose_settings: Compose) -> None:
    settings = compose_settings("schedule=alternating_epochs", *COMMON, *SMALL["mlp"])
    game, watched, _ = on_meta(settings)
    batch = (
        torch.zeros(BATCH, 1, SIZE, SIZE, device="meta"),
        torch.zeros(BATCH, dtype=torch.int64, device="meta"),
    )
    with watched:
        for epoch in (0, 1):
            game.trainer.current_epoch = epoch
            game.training_step(batch, 0)
    assert watched.seen == []
    assert (game.d_updates, game.g_updates) == (1, 1)


def test_a_row_that_is_due_waits_for_the_device_and_no_other(compose_settings: Compose) -> None:
    game, _, monitor = on_meta(compose_settings(*COMMON, *SMALL["mlp"]))
    batch = (torch.zeros(BATCH, 1, SIZE, SIZE, device="meta"), torch.zeros(BATCH, dtype=torch.int64, device="meta"))
    game.training_step(batch, 0)
    monitor.on_train_batch_end(game.trainer, game, None, None, 0)
    vars(game.trainer)["log_every_n_steps"] = 2
    game.training_step(batch, 1)
    with pytest.raises((RuntimeError, NotImplementedError)):
        monitor.on_train_batch_end(game.trainer, game, None, None, 1)


@pytest.mark.parametrize("stray", [lambda x: x + torch.ones(()), lambda x: x * torch.tensor(2.0)])
def test_a_tensor_on_the_cpu_is_seen(stray: Any) -> None:
    with OnTheCPU() as watched:
        stray(torch.ones(2, device="meta"))
    assert watched.seen


@pytest.mark.parametrize("waits", [lambda x: x.sum().item(), lambda x: bool(x[0] > 0), lambda x: x.cpu(), float])
def test_a_wait_is_an_error(waits: Any) -> None:
    with pytest.raises((RuntimeError, NotImplementedError)):
        waits(torch.ones(1, device="meta"))
