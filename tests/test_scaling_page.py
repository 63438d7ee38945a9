"""docs/scaling.md: the command lines for clusters are those that benchmarks/hosts.py starts on its hosts."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from train_command import train_here

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scaling.md").read_text()
HOSTS, DEVICES, MASTER, RUN = 2, 4, "10.0.0.1", "/shared/mine"
BLOCKS = re.findall(r"```(?:yaml|bash|)\n(.*?)```", PAGE, re.DOTALL)
NOTES = f"""#!{sys.executable}
import json, sys
print(json.dumps(sys.argv[1:]))
"""
STARTERS = {"srun": '#!/bin/bash\nshift\nexec "$@"\n', "scontrol": f"#!/bin/bash\nprintf '{MASTER}\\n10.0.0.2\\n'\n"}


def block(start: str) -> str:
    """The block of the page that starts so."""
    return next(text for text in BLOCKS if text.startswith(start))


def skypilot() -> str:
    return str(yaml.safe_load(block("name: gan\nnum_nodes"))["run"])


def dstack() -> str:
    return str(yaml.safe_load(block("type: task"))["commands"][-1])


def kubeflow() -> str:
    *shell, line = yaml.safe_load(block("apiVersion: trainer.kubeflow.org"))["spec"]["trainer"]["command"]
    assert shell == ["bash", "-c"]
    return str(line)


def slurm() -> str:
    return block("#!/bin/bash\n#SBATCH")


CLUSTERS: dict[str, tuple[Callable[[], str], dict[str, str]]] = {
    "SkyPilot": (skypilot, {
        "SKYPILOT_NUM_NODES": "2", "SKYPILOT_NUM_GPUS_PER_NODE": "4", "SKYPILOT_NODE_RANK": "1",
        "SKYPILOT_NODE_IPS": f"{MASTER}\n10.0.0.2",
    }),
    "dstack": (dstack, {
        "DSTACK_NODES_NUM": "2", "DSTACK_GPUS_PER_NODE": "4", "DSTACK_NODE_RANK": "1", "DSTACK_MASTER_NODE_IP": MASTER,
    }),
    "Kubeflow Trainer": (kubeflow, {
        "PET_NNODES": "2", "PET_NPROC_PER_NODE": "4", "PET_NODE_RANK": "1", "PET_MASTER_ADDR": MASTER,
        "PET_MASTER_PORT": "29500",
    }),
    "SLURM": (slurm, {
        "SLURM_NNODES": "2", "SLURM_GPUS_ON_NODE": "4", "SLURM_NODEID": "1", "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_ID": "7",
    }),
}  # fmt: skip


@pytest.fixture
def host_runs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """benchmarks/host_runs.py, which starts the commands."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    spec = importlib.util.spec_from_file_location("host_runs", ROOT / "benchmarks" / "host_runs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def started(line: str, variables: dict[str, str], folder: Path) -> list[str]:
    """The arguments that torchrun gets from a shell line."""
    for name, text in {"torchrun": NOTES, **STARTERS}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", **variables}
    told = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=True)
    arguments: list[str] = json.loads(told.stdout)
    return arguments


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_cluster_starts_the_tested_command(cluster: str, host_runs: Any, tmp_path: Path) -> None:
    line, variables = CLUSTERS[cluster]
    assert started(line(), variables, tmp_path) == host_runs.torchrun(2, HOSTS, DEVICES, MASTER, RUN)[1:]


def test_the_benchmark_reads_the_message_of_a_lost_host(host_runs: Any) -> None:
    """The message of the page is that of `gan.training.heartbeat`: tests/training/test_heartbeat.py."""
    assert host_runs.LOST.findall(block("rank 1 of 2")) == ["host2"]


def test_the_command_by_hand_is_the_tested_one(host_runs: Any) -> None:
    assert block("torchrun ").split() == host_runs.torchrun(1, HOSTS, DEVICES, "HOST", "outputs/mine")


def test_its_settings_are_valid(
    host_runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    command = host_runs.torchrun(1, HOSTS, 1, MASTER, "mine", *host_runs.GAME, "dry_run=true")
    settings = command[command.index("train.py") + 1 :]
    ours = {"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1"}
    for name, value in ours.items():  # as torchrun sets them
        monkeypatch.setenv(name, value)
    assert train_here(tmp_path, monkeypatch, *settings) == 0
    assert "2 processes" in capfd.readouterr().out
    assert not (tmp_path / "mine").exists()


def test_fewer_machines_must_be_allowed_by_the_name_on_the_page(host_runs: Any) -> None:
    assert "'resume.allow=[trainer.num_nodes]'" in PAGE
    assert "resume.allow=[trainer.num_nodes]" in (ROOT / "benchmarks" / "hosts.py").read_text()
