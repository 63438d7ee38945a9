"""Gradients averaged in shared memory by two processes: what gloo's all-reduce gives, bit for bit."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from torch import Tensor, nn

from gan.training import shared_gradients
from gan.training.shared_gradients import SharedGradients, can_share

SHAPES = ((5,), (4, 3, 2, 2), (1,), (7, 11))  # 131 elements: the parts of two processes differ in size


def parameters() -> list[nn.Parameter]:
    made = [nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
    made[1].data = made[1].data.contiguous(memory_format=torch.channels_last)
    return made


def gradients(rank: int, update: int) -> list[Tensor]:
    random = torch.Generator().manual_seed(10 * update + rank)
    return [torch.randn(shape, generator=random) for shape in SHAPES]


def average_in_a_process(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    trained = parameters()
    shared = SharedGradients(trained)
    for update in range(3):
        for parameter, gradient in zip(trained, gradients(rank, update), strict=True):
            parameter.grad = gradient.clone()
        assert can_share(trained)
        shared.average()
        for parameter, gradient in zip(trained, gradients(rank, update), strict=True):
            dist.all_reduce(gradient)
            assert parameter.grad is not None
            assert torch.equal(parameter.grad, gradient / 2)
            assert parameter.grad.stride() == parameter.stride()
    dist.destroy_process_group()


def test_two_processes_get_the_mean(tmp_path: Path) -> None:
    before = set(shared_gradients.SHARED_MEMORY.glob("gan-gradients-*"))
    torch.multiprocessing.spawn(average_in_a_process, (str(tmp_path),), nprocs=2)
    assert set(shared_gradients.SHARED_MEMORY.glob("gan-gradients-*")) <= before  # nothing is left behind


def test_without_shared_memory_all_processes_get_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(size: int) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shared_gradients, "_reserved_file", full)
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        with pytest.raises(OSError, match="no memory that processes can share"):
            SharedGradients(parameters())
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize(
    "parameter",
    [
        nn.Parameter(torch.zeros(3)),
        nn.Parameter(torch.zeros(3, dtype=torch.float64)),
        nn.Parameter(torch.zeros(3, device="meta")),
        nn.Parameter(torch.zeros(4, 4)[:, :2]),
    ],
    ids=["no gradient", "float64", "another device", "gaps"],
)
def test_other_gradients_are_sent(parameter: nn.Parameter) -> None:
    if parameter.numel() != 3 or parameter.dtype != torch.float32 or parameter.device.type != "cpu":
        parameter.grad = torch.zeros_like(parameter)
    assert not can_share([parameter])
