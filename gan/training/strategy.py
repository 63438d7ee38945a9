"""Several processes, one game: gradients averaged once for each update of a network.

Lightning's DDP wraps the whole module, and so needs every parameter to take part in every backward pass; in a game only
one player does. Here nothing is wrapped: when a network is about to be updated, its gradients, and no others, are
averaged over the processes in one message. That also suits penalties with a double backward, and accumulation.
"""

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
from torch import Tensor
from torch.optim import Optimizer
from torch.utils._pytree import tree_map

from gan.data.module import ImageData
from gan.runs.user_errors import to_user_error
from gan.system import process, rank_errors


class GameDDP(DDPStrategy):
    """Data-parallel training of a module whose networks are updated in turn.

    Batch-norm statistics are each process's own, and rank 0's are kept; ``+trainer.sync_batchnorm=true`` computes them
    over all GPUs.
    """

    def configure_ddp(self) -> None:
        """Start all processes from rank 0's weights and buffers."""
        assert self.model is not None
        for tensor in self.model.state_dict().values():
            dist.broadcast(tensor, src=0)

    def setup_environment(self) -> None:
        self._sigterm = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
        super().setup_environment()

    def on_train_start(self) -> None:
        """Take back SIGTERM: Lightning's handler broadcasts it amid whatever is being exchanged, and all would hang."""
        super().on_train_start()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._sigterm)

    def on_exception(self, exception: BaseException) -> None:
        """Leave word of an error before the group is left, for then the others fail too, for want of this process."""
        super().on_exception(exception)
        if isinstance(exception, Exception) and process.is_rank():
            run_dir = str(self.lightning_module.trainer.default_root_dir) if self.lightning_module else os.curdir
            rank_errors.leave(to_user_error(exception, Path(run_dir)))

    def optimizer_step(self, optimizer: Optimizer, closure: Callable[[], Any], model: Any = None, **kwargs: Any) -> Any:
        self.average_gradients(optimizer)
        return super().optimizer_step(optimizer, closure, model, **kwargs)

    def teardown(self) -> None:
        """Leave the process group: a process that ends inside one can be aborted by gloo (exit code -6, seen once)."""
        super().teardown()
        if dist.is_initialized():
            dist.destroy_process_group()

    def average_gradients(self, optimizer: Optimizer) -> None:
        """Give every process the mean of all processes' gradients, before an optimizer's step."""
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not gradients:  # all frozen, on every process
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.world_size
        for gradient, averaged in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(averaged.view_as(gradient))


def all_gather_objects(value: Any) -> list[Any]:
    """What each process gives, by rank, with tensors on the CPU; all of them must call it. One process: [value]."""
    plain = tree_map(lambda part: part.cpu() if isinstance(part, Tensor) else part, value)
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return [plain]
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, plain)
    return gathered


def local_value(values: Sequence[Any]) -> Any:
    """This process's value of `all_gather_objects`; rank 0's if the number of processes has changed since."""
    alike = dist.is_initialized() and dist.get_world_size() == len(values)
    return values[dist.get_rank() if alike else 0]


def process_count(devices: Any, accelerator: str) -> int:
    """Processes on this machine for a Trainer's ``devices``: a number, "auto", -1, a list, or a string of these."""
    if isinstance(devices, str) and devices not in ("auto", "-1"):
        devices = int(devices) if devices.isdigit() else [part for part in devices.split(",") if part.strip()]
    if isinstance(devices, int) and devices > 0:
        return devices
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        return len(devices)
    on_gpu = accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return torch.cuda.device_count() if on_gpu else 1


def world_size(trainer: Mapping[str, Any]) -> int:
    """Processes on all machines together, by a Trainer's settings."""
    return process_count(trainer["devices"], trainer["accelerator"]) * int(trainer["num_nodes"])


def inside_a_launch() -> bool:
    """True in a process that was started as one of several: by us, by torchrun or by SLURM.

    A job of SLURM's with one task is a process like any other: it starts its ranks itself.
    """
    if TorchElasticEnvironment.detect():
        return True
    return SLURMEnvironment.detect() and os.environ["SLURM_NTASKS"] != "1"


def use_prepared(data: ImageData) -> None:
    """In a process of our own launch: take the images as the parent has left them, who also said what there is to say.

    A download that the parent has tried in vain is not tried again; the settings stay as the user has them.
    """
    data.download = False
    logging.getLogger("gan.data").setLevel(logging.ERROR)
