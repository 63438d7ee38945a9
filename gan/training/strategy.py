"""Data-parallel training of a GAN on several processes: gradients are averaged once per update of a network.

Lightning's DDP wraps the whole module and needs every parameter in every backward pass, but a GAN update uses only one
network's parameters. This strategy wraps nothing. Before each update it averages only the gradients of the network that
is updated: in one message, or in shared memory if all processes run on the CPU of one machine. This also works for
penalties with a double backward pass and for gradient accumulation.
"""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_map

from gan.data.module import ImageData
from gan.runs import run_end
from gan.runs.user_errors import to_user_error
from gan.system import process, rank_errors
from gan.training import heartbeat
from gan.training.heartbeat import Heartbeat, Loss
from gan.training.shared_gradients import SharedGradients, can_share


class GameDDP(DDPStrategy):
    """Data-parallel strategy for a module whose networks are updated alternately.

    Each process computes its own batch-norm statistics, and checkpoints contain the statistics of rank 0.
    ``+trainer.sync_batchnorm=true`` computes them over all GPUs.

    Args:
        heartbeat: the heartbeat of this process if it has begun; None: it begins with the process group, or is not
            needed, because our own launcher watches the processes.
        arguments: of Lightning's ``DDPStrategy``.
    """

    def __init__(self, *, heartbeat: Heartbeat | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._heartbeat = heartbeat
        self._cpu_group: dist.ProcessGroup | None = None  # None: the default group exchanges between CPUs
        self._shared: dict[tuple[int, ...], SharedGradients | None] = {}  # by the parameters of an update

    def configure_ddp(self) -> None:
        """Copy the weights and buffers of rank 0 to all processes."""
        assert self.model is not None
        for tensor in self.model.state_dict().values():
            dist.broadcast(tensor, src=0)

    def setup_environment(self) -> None:
        self._sigterm = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
        super().setup_environment()
        if dist.is_initialized() and dist.get_backend() != "gloo":
            self._cpu_group = dist.new_group(backend="gloo", timeout=self._timeout)
        if self.world_size > 1 and not process.is_rank():
            if self._heartbeat is None:
                self._heartbeat = heartbeat.connect(self.global_rank, self.world_size, self._end_without)
            self._heartbeat.when_lost = self._end_without

    def on_train_start(self) -> None:
        """Restore the old SIGTERM handler. Lightning's broadcasts amid other exchanges, and all ranks would hang."""
        super().on_train_start()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._sigterm)

    def on_exception(self, exception: BaseException) -> None:
        """Record the error before this process leaves the group, because then the other processes fail as well."""
        super().on_exception(exception)
        if self._heartbeat and rank_errors.is_lost_partner(str(exception)):
            self._heartbeat.wait_for_loss()
        if isinstance(exception, Exception):
            if process.is_rank():
                rank_errors.leave(to_user_error(exception, self._run_dir()))
            if self._heartbeat:
                self._heartbeat.stop(rank_errors.in_a_line(exception))

    def _run_dir(self) -> Path:
        return Path(self.lightning_module.trainer.default_root_dir if self.lightning_module else os.curdir)

    def _end_without(self, loss: Loss) -> None:
        """End this process because another one is lost."""
        if self.global_rank == 0:
            how, name = ("failed", "error") if loss.is_error else ("cut", "by")
            run_end.record_early_end(self._run_dir(), how, **{name: loss.message})
        heartbeat.end_without(loss, run_end.describe_stopped_run(self._run_dir()))

    def optimizer_step(self, optimizer: Optimizer, closure: Callable[[], Any], model: Any = None, **kwargs: Any) -> Any:
        self.average_gradients(optimizer)
        return super().optimizer_step(optimizer, closure, model, **kwargs)

    def teardown(self) -> None:
        """Destroy the process group. Otherwise gloo sometimes aborts the process at exit (pytorch #190489)."""
        if self._heartbeat:
            self._heartbeat.stop()
        super().teardown()
        if dist.is_initialized():
            dist.destroy_process_group()

    def reduce_boolean_decision(self, decision: bool, all: bool = True) -> bool:
        """Whether the decision of all processes, or of any one, is True; exchanged by the CPUs.

        Lightning's method asks the GPUs, so every process waits until its GPU has finished.
        """
        flag = torch.tensor(int(decision))
        dist.all_reduce(flag, op=dist.ReduceOp.MIN if all else dist.ReduceOp.MAX, group=self._cpu_group)
        return bool(flag)

    def average_gradients(self, optimizer: Optimizer) -> None:
        """Replace the gradients by their mean over all processes, before an optimizer step."""
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not parameters:  # all frozen, on every process
            return
        if shared := self._shared_gradients(parameters):
            shared.average()
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.world_size
        for gradient, averaged in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(averaged.view_as(gradient))

    def _shared_gradients(self, parameters: list[nn.Parameter]) -> SharedGradients | None:
        """The memory for these gradients, the same decision in all processes; None if there can be none."""
        key = tuple(map(id, parameters))
        if key not in self._shared:
            shared = None
            if self.num_nodes == 1 and can_share(parameters):
                with contextlib.suppress(OSError):  # /dev/shm is full: gloo sends them
                    shared = SharedGradients(parameters)
            self._shared[key] = shared
        return self._shared[key]


def all_gather_objects(value: Any) -> list[Any]:
    """The values of all processes, in order of rank, tensors on the CPU. Every process must call it. One: [value]."""
    plain = tree_map(lambda part: part.cpu() if isinstance(part, Tensor) else part, value)
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return [plain]
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, plain)
    return gathered


def local_value(values: Sequence[Any]) -> Any:
    """This process's value from `all_gather_objects`; rank 0's value if the number of processes has changed since."""
    alike = dist.is_initialized() and dist.get_world_size() == len(values)
    return values[dist.get_rank() if alike else 0]


def process_count(devices: Any, accelerator: str) -> int:
    """Number of processes on this machine for a Trainer's ``devices``: int, "auto", -1, "-1" or a list."""
    if isinstance(devices, int) and devices > 0:
        return devices
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        return len(devices)
    on_gpu = accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return torch.cuda.device_count() if on_gpu else 1


def world_size(trainer: Mapping[str, Any]) -> int:
    """Number of processes on all machines, from a Trainer's settings."""
    return process_count(trainer["devices"], trainer["accelerator"]) * int(trainer["num_nodes"])


def inside_a_launch() -> bool:
    """Whether this process was started as one of several: by this package, by torchrun or by SLURM.

    A SLURM job with one task does not count, because it starts its ranks itself.
    """
    if TorchElasticEnvironment.detect():
        return True
    return SLURMEnvironment.detect() and os.environ["SLURM_NTASKS"] != "1"


def use_prepared(data: ImageData) -> None:
    """In a process that our launcher started: use the images that the parent prepared, and hide repeated messages.

    A download that failed in the parent is not tried again. The settings stay as the user set them.
    """
    data.download = False
    logging.getLogger("gan.data").setLevel(logging.ERROR)
