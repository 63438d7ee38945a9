"""Ray launcher: runs the jobs of a sweep as tasks of a Ray cluster, which may be only this machine.

We do not use hydra-ray-launcher: its newest release for Hydra 1.3 ends the sweep at the first job whose process dies,
and runs several jobs in one process, which cannot finish an update and save when it is asked to end.
"""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from hydra.core.utils import JobReturn

from gan.launch.sweeps.jobs import GRACE_SECONDS, Job, conclude
from gan.system import cpu_threads, signals, subprocesses
from gan.system.errors import ConfigError
from gan.system.subprocesses import LOOK_SECONDS

LOOK_AT_CLUSTER_SECONDS = 1.0


def run_job(job: Job, cores: int) -> int:
    """Run a job on a Ray worker until it ends or must stop; return its exit code, -n if signal n ended it."""
    if stop_file(job).exists():
        return -signal.SIGTERM
    child = job.start({cpu_threads.SHARE_VARIABLE: str(cores)})  # Ray has set OMP_NUM_THREADS to the same
    with subprocesses.ended_together([child], GRACE_SECONDS):
        while child.poll() is None and not stop_file(job).exists():
            time.sleep(LOOK_SECONDS)
    return child.returncode


def stop_file(job: Job) -> Path:
    """Return the file whose existence tells a job to stop. ``ray.cancel`` would not wait until the run is saved."""
    return Path(f"{job.folder}.stop")


@dataclass
class RayCluster:
    """Runs jobs by Ray.

    Args:
        address: address of the cluster: "auto" for the one this machine belongs to, or HOST:PORT; None starts one here.
        num_cpus, num_gpus: CPUs and GPUs reserved for each job.
        max_retries: how often a job is restarted if its node or worker was lost. It resumes its run.
    """

    address: str | None
    num_cpus: float
    num_gpus: float
    max_retries: int

    def run(self, jobs: Sequence[Job]) -> list[JobReturn]:
        """Run all jobs; a failed job does not stop the others. If this is interrupted, it stops all jobs."""
        self._connect()
        # a task runs on the main thread of a worker, where signal handlers can be set
        task: Any = ray.remote(num_cpus=self.num_cpus, num_gpus=self.num_gpus, max_retries=self.max_retries)(run_job)
        for job in jobs:
            stop_file(job).unlink(missing_ok=True)
        running = {task.remote(job, max(1, int(self.num_cpus))): job for job in jobs}
        for job in jobs:
            print(f"run {job.number} of the sweep is given to Ray; what it says: {job.log}", flush=True)
        returns: dict[int, JobReturn] = {}
        try:
            while running:
                for done in _ended(list(running)):
                    job = running.pop(done)
                    returns[job.number] = conclude(job, *_outcome(done))
                time.sleep(LOOK_AT_CLUSTER_SECONDS)
        finally:
            self._stop(running)
        return [returns[job.number] for job in jobs]

    def _stop(self, running: dict[Any, Job]) -> None:
        files = [stop_file(job) for job in running.values()]
        for file in files:
            file.touch()
        if running:
            ray.wait(list(running), num_returns=len(running), timeout=GRACE_SECONDS)
        ray.shutdown()
        for file in files:
            file.unlink()

    def _connect(self) -> None:
        heard = signal.getsignal(signal.SIGTERM)
        try:
            with subprocesses.ignore_signals():  # for the cluster, if it is started here
                ray.init(address=self.address, include_dashboard=False, logging_level="WARNING", log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(f"hydra.launcher.address: {self.address!r}: {str(error).splitlines()[0]}") from error
        finally:
            signal.signal(signal.SIGTERM, heard)  # Ray has replaced the handler


def _ended(tasks: list[Any]) -> list[Any]:
    """Return the ended tasks. A signal inside Ray's code is a SystemError there; raise it as `Stopped`."""
    try:
        ended: list[Any] = ray.wait(tasks, num_returns=len(tasks), timeout=0)[0]
    except SystemError:
        if stop := signals.pending():
            raise stop from None
        raise
    return ended


def _outcome(done: Any) -> tuple[int, str | None]:
    """Return the exit code of a task, and the reason if only Ray knows it."""
    try:
        return int(ray.get(done)), None
    except ray.exceptions.RayError as error:
        return signals.CRASH, f"Ray: {type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
