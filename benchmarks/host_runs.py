"""One run on several hosts of `network`: torchrun on each, with the command lines of docs/scaling.md."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from network import Network

ROOT = Path(__file__).parent.parent
PORT = 29500
START_SECONDS = 900.0  # for a whole short run, imports on all hosts included, on a busy machine
GAME = (
    "data=mnist_sample", "data.batch_size=48", "model=mlp", "model.generator.hidden=[32]",
    "model.discriminator.hidden=[32]", "callbacks.quality=null", "callbacks.progress=null", "callbacks.curves=null",
    "callbacks.samples.count=4", "logger=csv", "trainer.log_every_n_steps=2", "trainer.limit_train_batches=10",
    "accelerator=cpu",
)  # fmt: skip
LOST = re.compile(r"^rank \d+ of \d+ processes, on (\S+), (?:has|failed).*; the run was stopped\.$", re.MULTILINE)


def torchrun(host: int, hosts: int, devices: int, master: str, folder: str, *words: str) -> list[str]:
    """What is typed on one host of a run; ``host`` is 1 for the first."""
    return [
        "torchrun", f"--nnodes={hosts}", f"--nproc-per-node={devices}", f"--node-rank={host - 1}",
        f"--master-addr={master}", f"--master-port={PORT}", "train.py", f"trainer.num_nodes={hosts}",
        f"trainer.devices={devices}", f"hydra.run.dir={folder}", "resume=auto", *words,
    ]  # fmt: skip


def executable(command: Sequence[str]) -> list[str]:
    """The same command by this Python, from any folder."""
    programs = {"torchrun": ["-m", "torch.distributed.run"], "python": []}
    words = [str(ROOT / word) if word == "train.py" else word for word in command[1:]]
    return [sys.executable, *programs[command[0]], *words]


def environment() -> dict[str, str]:
    """Environment of a process that trains: one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


class Ended(NamedTuple):
    """How one host's command ended: seconds since the loss, or since the start."""

    host: int
    exit_code: int
    seconds: float
    told: str

    @property
    def named(self) -> list[str]:
        """The hosts that its messages name as lost."""
        return LOST.findall(self.told)


class HostRun:
    """The commands of one run, started on the first ``hosts`` hosts of a network."""

    def __init__(self, made: Network, hosts: int, run: Path, *words: str) -> None:
        self.made, self.hosts, self.run, self.began = made, hosts, run, time.monotonic()
        run.parent.mkdir(parents=True, exist_ok=True)
        start = len(list(run.parent.glob(f"{run.name}.*.host1.log"))) + 1
        self._logs = [run.parent / f"{run.name}.{start}.host{host}.log" for host in range(1, hosts + 1)]
        self._agents = [
            made.start(
                host,
                executable(torchrun(host, hosts, 1, made.master, run.name, *GAME, *words)),
                environment(),
                cwd=run.parent,
                stdout=log.open("w"),
                stderr=subprocess.STDOUT,
            )
            for host, log in enumerate(self._logs, start=1)
        ]

    def wait_until_trained(self, epoch: int = 1) -> None:
        """Wait for the pictures of an epoch, which the run writes after it."""
        picture = self.run / "samples" / f"epoch_{epoch:04d}.png"
        while not picture.exists():
            if any(agent.poll() is not None for agent in self._agents) or self.seconds > START_SECONDS:
                raise RuntimeError(f"the run did not train: {[log.read_text() for log in self._logs]}")
            time.sleep(0.05)

    def has_trained(self) -> bool:
        """Whether this start has begun to train: its first process has printed the settings."""
        return "run folder" in self._logs[0].read_text()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def wait(self, seconds: float, hosts: Sequence[int] | None = None) -> list[Ended]:
        """Wait until the commands of these hosts (all) have ended; those that have not are left out."""
        began, wanted = time.monotonic(), list(hosts or range(1, self.hosts + 1))
        ended: dict[int, float] = {}
        while len(ended) < len(wanted) and time.monotonic() - began < seconds:
            for host in wanted:
                if host not in ended and self._agents[host - 1].poll() is not None and not self.made.processes(host):
                    ended[host] = time.monotonic() - began
            time.sleep(0.05)
        return [
            Ended(host, self._agents[host - 1].returncode, ended[host], self._logs[host - 1].read_text())
            for host in wanted
            if host in ended
        ]

    def finish(self) -> list[Ended]:
        """Wait until the run has ended by itself on all hosts.

        Raises:
            RuntimeError: it failed on one.
        """
        ended = self.wait(START_SECONDS)
        if [end.exit_code for end in ended] != [0] * self.hosts:
            raise RuntimeError(f"the run failed: {ended or [log.read_text() for log in self._logs]}")
        return ended


def on_one_machine(run: Path, processes: int, *words: str) -> None:
    """The same run by processes of this machine, or the rest of it where one is in the folder.

    More processes than cores are refused with ``trainer.devices``: there each is a torchrun of its own on this machine.
    """
    run.parent.mkdir(parents=True, exist_ok=True)
    if processes <= len(os.sched_getaffinity(0)):
        settings = (f"trainer.devices={processes}", f"hydra.run.dir={run.name}", "resume=auto")
        commands = [["python", "train.py", *settings, *GAME, *words]]
    else:
        hosts = range(1, processes + 1)
        commands = [torchrun(host, processes, 1, "127.0.0.1", run.name, *GAME, *words) for host in hosts]
    with run.with_name(f"{run.name}.log").open("w") as log:
        begun = [
            subprocess.Popen(
                executable(command), cwd=run.parent, env=environment(), stdout=log, stderr=subprocess.STDOUT
            )
            for command in commands
        ]
        for process in begun:
            process.wait(START_SECONDS)
    if any(process.returncode for process in begun):
        raise RuntimeError(f"the run failed: {Path(log.name).read_text()}")


def copied(run: Path, to: Path) -> Path:
    """A copy of a run folder."""
    return Path(shutil.copytree(run, to))


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two finished runs: states, rows or pictures. Nothing differs if they are bit-equal."""
    from gan.runs.comparison import first_difference, last_checkpoints, rows

    found = [path for path in last_checkpoints(one, other) if path not in HOW_PLAYED]
    row = first_difference(rows(one), rows(other))
    pictures = [{path.name: path.read_bytes() for path in (run / "samples").iterdir()} for run in (one, other)]
    return [*found, *([row] if row else []), *(["pictures"] if pictures[0] != pictures[1] else [])]


HOW_PLAYED = ("/hyper_parameters/trainer/num_nodes", "/hyper_parameters/trainer/devices")
