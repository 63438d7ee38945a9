"""Two processes, one game: equal weights after every step, different latents, the data dealt out."""

import itertools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing

from gan.launch.launcher import launch
from gan.training.build import build_data
from gan.training.strategy import GameDDP, process_count, use_prepared

STEPS = 6


@pytest.fixture
def two_ranks(compose_settings: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Train on two processes; the reports of both."""

    def trained(*overrides: str) -> list[dict[str, Any]]:
        settings = compose_settings(
            "data=mnist_sample",
            "data.batch_size=10",
            "model.generator.hidden=[16]",
            "model.discriminator.hidden=[16,8]",
            "model.discriminator.dropout=0.3",
            "accelerator=cpu",
            "trainer.devices=2",
            "callbacks=none",
            "logger=none",
            "trainer.max_epochs=1",
            f"trainer.limit_train_batches={STEPS}",
            *overrides,
        )
        file = tmp_path / "settings.json"
        file.write_text(json.dumps(settings))
        code = launch([str(Path(__file__).parents[1] / "rank_report.py")], [str(file), str(tmp_path)], processes=2)
        assert code == 0
        return [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]

    return trained


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param([], id="float32", marks=pytest.mark.slow),
        pytest.param(["trainer.precision=bf16-mixed", "schedule.n_critic=2"], id="bf16, n_critic 2"),
    ],
)
def test_two_processes_hold_equal_weights_and_draw_different_latents(
    two_ranks: Callable[..., list[dict[str, Any]]], overrides: list[str]
) -> None:
    one, two = two_ranks(*overrides)
    assert one["equal"] == two["equal"] == [True] * STEPS
    assert one["weights"] == two["weights"]
    assert len(one["latents"]) == len(two["latents"]) > 0
    assert not set(one["latents"]) & set(two["latents"])
    assert len(one["images"]) == len(two["images"]) == STEPS * 5
    assert not set(one["images"]) & set(two["images"])


def parameters(*shapes: tuple[int, ...]) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.zeros(shape)) for shape in shapes]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What is sent to the other process, which has the same gradients but for an added 2."""
    messages: list[torch.Tensor] = []

    def all_reduce(tensor: torch.Tensor) -> None:
        messages.append(tensor.clone())
        tensor.add_(tensor + 2)

    monkeypatch.setattr("torch.distributed.all_reduce", all_reduce)
    monkeypatch.setattr(GameDDP, "world_size", 2)
    monkeypatch.setattr("gan.training.strategy.can_share", lambda _: False)  # as on GPUs
    return messages


def test_the_gradients_of_a_network_are_averaged_in_one_message(sent: list[torch.Tensor]) -> None:
    one, frozen, two = parameters((2, 3), (4,), (5,))
    one.grad, two.grad = torch.full((2, 3), 3.0), torch.arange(5.0)
    GameDDP().average_gradients(torch.optim.SGD([one, frozen, two], lr=1))
    assert [message.numel() for message in sent] == [11]
    assert torch.equal(one.grad, torch.full((2, 3), 4.0))
    assert torch.equal(two.grad, torch.arange(5.0) + 1)
    assert frozen.grad is None


def test_a_network_without_gradients_sends_nothing(sent: list[torch.Tensor]) -> None:
    GameDDP().average_gradients(torch.optim.SGD(parameters((2,), (3,)), lr=1))
    assert sent == []


def decide_in_a_process(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    strategy = GameDDP()
    for group in (None, dist.new_group(backend="gloo")):  # as on CPUs, and beside a group of GPUs
        strategy._cpu_group = group
        for one, two in itertools.product((False, True), repeat=2):
            own = (one, two)[rank]
            assert strategy.reduce_boolean_decision(own, all=False) is (one or two)
            assert strategy.reduce_boolean_decision(own) is (one and two)
    dist.destroy_process_group()


def test_decisions_are_those_of_all_processes(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(decide_in_a_process, (str(tmp_path),), nprocs=2)


@pytest.mark.parametrize(("devices", "count"), [(1, 1), (3, 3), ([0, 2], 2), ("auto", 1), (-1, 1), ("-1", 1)])
def test_how_many_processes_a_number_of_devices_means_on_the_cpu(devices: Any, count: int) -> None:
    assert process_count(devices, "cpu") == count


def test_what_the_parent_has_prepared_is_taken_as_it_is(
    compose_settings: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan.data.sources.fetch", lambda *_: pytest.fail("a second download was tried"))
    settings = compose_settings("data=mnist", f"data.root={tmp_path}")
    data = build_data(settings)
    try:
        use_prepared(data)
        data.setup()
    finally:
        logging.getLogger("gan.data").setLevel(logging.NOTSET)
    assert data.substitute_for == "mnist"
    assert settings["data"]["download"] is True
