"""Several processes, one game: gradients averaged once for each update of a network.

Lightning's DDP wraps the whole module, and so needs every parameter to take part in every backward pass; in a game only
one player does. Here nothing is wrapped: when a network is about to be updated, its gradients, and no others, are
averaged over the processes in one message. That also suits penalties with a double backward, and accumulation.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch.optim import Optimizer

from gan.data.loader import check_batch_size
from gan.errors import ConfigError

COMMAND_VARIABLE = "GAN_COMMAND"  # tells the processes of a launch what the user typed, as JSON


def user_command() -> list[str]:
    """The command line that began this run, without the interpreter."""
    launched = os.environ.get(COMMAND_VARIABLE)
    return json.loads(launched) if launched else [os.path.basename(sys.argv[0]), *sys.argv[1:]]


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

    def optimizer_step(self, optimizer: Optimizer, closure: Callable[[], Any], model: Any = None, **kwargs: Any) -> Any:
        self._average_gradients(optimizer)
        return super().optimizer_step(optimizer, closure, model, **kwargs)

    def teardown(self) -> None:
        """Leave the process group: a process that ends inside one can be aborted by gloo (exit code -6, seen once)."""
        super().teardown()
        if dist.is_initialized():
            dist.destroy_process_group()

    def _average_gradients(self, optimizer: Optimizer) -> None:
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.world_size
        for gradient, averaged in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(averaged.view_as(gradient))


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


def check_devices(trainer: Mapping[str, Any], batch_size: int) -> None:
    """Does this machine have what the trainer's settings ask for, and can its processes share a minibatch?

    Raises:
        ConfigError: an accelerator that is not here, more GPUs than there are, or a batch that cannot be dealt out.
    """
    accelerator, gpus = trainer["accelerator"], torch.cuda.device_count()
    here = {"auto": True, "cpu": True, "gpu": gpus > 0, "cuda": gpus > 0, "mps": torch.backends.mps.is_available()}
    if not here[accelerator] and not (accelerator == "gpu" and here["mps"]):
        allowed = ", ".join(name for name, available in here.items() if available)
        raise ConfigError(f"trainer.accelerator: {accelerator!r} given, and this machine has none; {allowed} expected")
    on_gpu = gpus > 0 and accelerator in ("auto", "gpu", "cuda")
    if on_gpu and process_count(trainer["devices"], accelerator) > gpus:
        raise ConfigError(f"trainer.devices: {trainer['devices']!r} given, and this machine has {gpus}")
    check_batch_size(batch_size, process_count(trainer["devices"], accelerator) * trainer["num_nodes"])


def inside_a_launch() -> bool:
    """True in a process that torchrun or SLURM has started as one of several."""
    return TorchElasticEnvironment.detect() or SLURMEnvironment.detect()


def started_by_us() -> bool:
    """True in a process of our own `launch`, as opposed to a user's torchrun or SLURM."""
    return COMMAND_VARIABLE in os.environ


def launch(script: str, arguments: Sequence[str], processes: int) -> int:
    """Run ``python script arguments`` as ``processes`` ranks on this machine under torchrun, and wait for them.

    torchrun ends all ranks when one fails. The cores are divided among the ranks unless OMP_NUM_THREADS is set.

    Returns:
        torchrun's exit code: 0 if every rank ended with 0.
    """
    environment = dict(os.environ)
    environment[COMMAND_VARIABLE] = json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]])
    environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run([*torchrun, script, *arguments], env=environment, check=False).returncode
