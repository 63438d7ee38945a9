"""Gradients of the processes of one machine, averaged in memory that they share.

gloo sends gradients through a socket even within a machine. For networks of this size that takes longer than the
backward pass of half a minibatch (docs/scaling.md). Here each process writes its gradients into its own row of a mapped
file, and computes the mean of one part of the columns for all. gloo only synchronises.
"""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

SHARED_MEMORY = Path("/dev/shm")


class SharedGradients:
    """The gradients of one optimizer's parameters. Every process of the group must make it at the same time.

    Args:
        parameters: float32 parameters on the CPU, in the same order in all processes.

    Raises:
        OSError: rank 0 cannot reserve the memory. All processes raise it.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        rank, self._world_size = dist.get_rank(), dist.get_world_size()
        sizes = [parameter.numel() for parameter in self.parameters]
        self._rows = _shared_rows(self._world_size, sum(sizes))
        # Views of this process's row, with the strides of the parameters: fused optimizers need the same layout.
        self._views = [
            part.as_strided(parameter.shape, parameter.stride())
            for part, parameter in zip(self._rows[rank].split(sizes), self.parameters, strict=True)
        ]
        self._mean, *self._others = self._rows.tensor_split(self._world_size, dim=1)[rank]

    def average(self) -> None:
        """Replace the gradient of each parameter by its mean over all processes."""
        for parameter, view in zip(self.parameters, self._views, strict=True):
            assert parameter.grad is not None
            view.copy_(parameter.grad)
        _wait_for_all()
        # In place: three times as fast as `Tensor.sum`, whose result is new memory; bit-equal to it for four processes.
        for other in self._others:
            self._mean += other
        self._mean /= self._world_size
        for other in self._others:
            other.copy_(self._mean)
        _wait_for_all()
        for parameter, view in zip(self.parameters, self._views, strict=True):
            parameter.grad = view


def can_share(parameters: Sequence[nn.Parameter]) -> bool:
    """Whether the gradients of these parameters can be averaged in shared memory."""
    return all(
        parameter.device.type == "cpu"
        and parameter.dtype == torch.float32
        and parameter.grad is not None
        and _is_dense(parameter)
        for parameter in parameters
    )


def _is_dense(tensor: Tensor) -> bool:
    """Whether the elements lie in one block of memory without gaps, so that a view of another block has its strides."""
    return tensor.is_contiguous() or (tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last))


def _shared_rows(rows: int, columns: int) -> Tensor:
    """float32 (rows, columns) in memory that all processes of this machine share."""
    name: list[str | None] = [None]
    if dist.get_rank() == 0:
        with contextlib.suppress(OSError):
            name[0] = _reserved_file(4 * rows * columns)
    dist.broadcast_object_list(name)
    if name[0] is None:
        raise OSError("no memory that processes can share")
    try:
        shared = torch.from_file(name[0], shared=True, size=rows * columns, dtype=torch.float32)
        _wait_for_all()
    finally:
        if dist.get_rank() == 0:
            os.unlink(name[0])
    return shared.view(rows, columns)


def _reserved_file(size: int) -> str:
    """A new file of this size whose memory is reserved: a write beyond a full /dev/shm would kill the process."""
    folder = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    handle, name = tempfile.mkstemp(prefix="gan-gradients-", dir=folder)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            os.truncate(handle, size)
    except OSError:
        os.unlink(name)
        raise
    finally:
        os.close(handle)
    return name


def _wait_for_all() -> None:
    """Wait until all processes are here. Unlike `dist.barrier`, it raises an error as soon as one has ended."""
    dist.all_reduce(torch.zeros(1))
