"""What only the machine and the images can tell: asked before a run begins, and told with what is allowed."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from gan.launch import preflight
from gan.launch.preflight import check_devices, check_minibatches
from gan.system.errors import ConfigError

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with so many GPUs, cores and processes started together."""

    def made(gpus: int = 0, mps: bool = False, cores: int = 8, started: int | None = None) -> None:
        monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
        monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: mps)
        monkeypatch.setattr(preflight, "cores", lambda environment: cores)
        monkeypatch.setenv("GAN_CORES", "1")  # a share of them does not count
        for name in ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "SLURM_NTASKS"):
            monkeypatch.delenv(name, raising=False)
        if started is not None:
            monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a run")
            monkeypatch.setenv("WORLD_SIZE", str(started))

    return made


def check(batch_size: int = 12, **trainer: Any) -> None:
    check_devices(
        {"accelerator": "auto", "devices": "auto", "num_nodes": 1, "precision": "32-true", **trainer}, batch_size
    )


def told(**trainer: Any) -> str:
    with pytest.raises(ConfigError) as error:
        check(**trainer)
    return str(error.value)


@pytest.mark.parametrize(
    ("gpus", "trainer"),
    [
        (0, {}),
        (0, {"devices": 3}),
        (0, {"accelerator": "cpu", "devices": 2, "precision": "bf16-mixed"}),
        (1, {"devices": -1, "precision": "16-mixed"}),
        (1, {"devices": [0]}),
        (2, {"accelerator": "gpu", "devices": 2}),
        (2, {"accelerator": "cuda", "devices": [1]}),
        (2, {"accelerator": "cpu", "devices": 3}),
    ],
)
def test_what_a_machine_can_do_is_not_spoken_of(machine: Machine, gpus: int, trainer: dict[str, Any]) -> None:
    machine(gpus)
    check(**trainer)


def test_an_accelerator_that_is_not_here(machine: Machine) -> None:
    machine()
    assert told(accelerator="gpu", devices=[3], precision="16-mixed") == (
        "trainer.accelerator: 'gpu' given, and this machine has none; auto, cpu expected"
    )


@pytest.mark.parametrize("devices", [-1, "-1", [0], [3], [0, 1]])
@pytest.mark.parametrize("accelerator", ["cpu", "auto"])
def test_devices_of_a_gpu_on_the_cpu(machine: Machine, accelerator: str, devices: Any) -> None:
    machine()
    assert told(accelerator=accelerator, devices=devices) == (
        f"trainer.devices: {devices!r} given, which is for GPUs, and this run is on the CPU; "
        "the number of processes, or auto, expected"
    )


@pytest.mark.parametrize(
    ("gpus", "devices", "message"),
    [
        (2, 3, "3 given, and this machine has 2 GPUs; 1 to 2, or auto, expected"),
        (1, 10**6, "1000000 given, and this machine has 1 GPU; 1, or auto, expected"),
        (1, [3], "[3] given, and this machine has 1 GPU; 0 expected"),
        (2, [0, 2], "[0, 2] given, and this machine has 2 GPUs; numbers from 0 to 1 expected"),
        (2, [1, 1], "[1, 1] given; each number once expected"),
    ],
)
def test_gpus_that_are_not_here(machine: Machine, gpus: int, devices: Any, message: str) -> None:
    machine(gpus)
    assert told(devices=devices) == f"trainer.devices: {message}"


def test_apples_one_gpu(machine: Machine) -> None:
    machine(mps=True)
    check(accelerator="gpu", devices=[0], precision="16-mixed")
    check(accelerator="mps", devices="auto")
    assert told(devices=2) == "trainer.devices: 2 given, and this machine has 1 GPU; 1, or auto, expected"


@pytest.mark.parametrize("accelerator", ["cpu", "auto"])
def test_half_precision_on_the_cpu(machine: Machine, accelerator: str) -> None:
    machine()
    assert told(accelerator=accelerator, precision="16-mixed") == (
        "trainer.precision: '16-mixed' given, which needs a GPU; bf16-mixed or 32-true expected on the CPU"
    )


@pytest.mark.parametrize(
    ("gpus", "trainer"),
    [(2, {"devices": 2, "accelerator": "cpu"}), (0, {"devices": 2}), (0, {"devices": 1, "num_nodes": 2})],
)
def test_batch_norm_over_processes_takes_gpus(machine: Machine, gpus: int, trainer: dict[str, Any]) -> None:
    machine(gpus, started=2)
    assert told(**trainer, sync_batchnorm=True) == (
        "trainer.sync_batchnorm: true given, and torch computes statistics over all processes only on CUDA GPUs; "
        "false expected on this machine: each process has its own"
    )


@pytest.mark.parametrize(("gpus", "trainer"), [(2, {"devices": 2}), (0, {"devices": 1})])
def test_batch_norm_over_gpus_or_in_one_process(machine: Machine, gpus: int, trainer: dict[str, Any]) -> None:
    machine(gpus)
    check(**trainer, sync_batchnorm=True)


def test_several_problems_are_one_message(machine: Machine) -> None:
    machine()
    assert len(told(devices=[0], precision="16-mixed").splitlines()) == 2


def test_a_batch_that_two_processes_cannot_share(machine: Machine) -> None:
    machine()
    assert told(devices=2, batch_size=33) == (
        "data.batch_size=33: must be a multiple of 2, the number of processes, which share each batch equally; "
        "nearest: 32 or 34"
    )


def test_several_machines_without_a_launcher(machine: Machine) -> None:
    machine()
    message = told(devices=2, num_nodes=3)
    assert message.startswith("trainer.num_nodes: 3 given, and this process was started alone;")
    assert "torchrun --nnodes=3 --nproc-per-node=2 " in message
    assert "srun --kill-on-bad-exit=1 --nodes=3 --ntasks-per-node=2 " in message


def test_several_machines_with_a_launcher(machine: Machine) -> None:
    machine(started=6)
    check(devices=2, num_nodes=3)
    assert told(devices=1) == (
        "trainer.devices: 1 given, which with trainer.num_nodes=1 makes 1 process, and 6 were started; "
        "equal numbers expected"
    )


@pytest.mark.parametrize("accelerator", ["auto", "cpu"])
@pytest.mark.parametrize("devices", [3, 64, 10**6, 10**30])
def test_no_more_processes_than_cores(machine: Machine, accelerator: str, devices: int) -> None:
    machine(cores=2)
    check(devices=2, accelerator=accelerator)
    message = f"trainer.devices: {devices} given, and this machine has 2 usable cores; 1 to 2, or auto, expected"
    assert told(devices=devices, accelerator=accelerator) == message
    assert told(devices=devices, accelerator=accelerator, num_nodes=2) == message
    machine(cores=1)
    check(devices="auto", accelerator=accelerator)
    assert told(devices=2, accelerator=accelerator) == (
        "trainer.devices: 2 given, and this machine has 1 usable core; 1, or auto, expected"
    )


def test_gpus_do_not_count_for_processes_on_the_cpu(machine: Machine) -> None:
    machine(gpus=8, cores=2)
    assert "2 usable cores" in told(devices=3, accelerator="cpu")


def test_processes_that_run_already_are_not_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(cores=2, started=6)
    check(devices=6)
    machine(cores=2)
    for name, value in {"SLURM_NTASKS": "6", "SLURM_NTASKS_PER_NODE": "6", "SLURM_JOB_NAME": "a job"}.items():
        monkeypatch.setenv(name, value)
    check(devices=6)
    monkeypatch.setenv("SLURM_NTASKS", "1")  # one process, that would start the others itself
    assert "2 usable cores" in told(devices=6)


@pytest.mark.parametrize(("limit", "batches"), [(0.001, 1000), (1, 5), (10, 5), (1.0, 1), (0.5, 2)])
def test_a_minibatch_at_least(limit: float, batches: int) -> None:
    check_minibatches({"limit_train_batches": limit}, batches)


@pytest.mark.parametrize(
    ("limit", "batches", "least"), [(0.001, 282, "0.0036"), (0.5, 1, "1.0"), (0.001, 999, "0.0011")]
)
def test_a_share_that_is_less_than_one_minibatch(limit: float, batches: int, least: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_minibatches({"limit_train_batches": limit}, batches)
    assert str(error.value) == (
        f"trainer.limit_train_batches: {limit} given, and an epoch has {batches} minibatches; "
        f"{least} or more, or the number of minibatches, expected"
    )
    assert math.floor(float(least) * batches) >= 1
    check_minibatches({"limit_train_batches": float(least)}, batches)
