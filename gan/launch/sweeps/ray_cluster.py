"""Ray launcher: runs the jobs of a sweep as tasks of a Ray cluster, which may be only this machine.

We do not use hydra-ray-launcher: its newest release for Hydra 1.3 ends the sweep at the first job whose process dies,
and runs several jobs in one process, which cannot finish an update and save when it is asked to end.
"""

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray

from gan.launch.sweeps import search_storage
from gan.launch.sweeps.jobs import GRACE_SECONDS, Job, conclude
from gan.launch.sweeps.pools import MakeJobs, ProcessPool
from gan.system import cpu_threads, signals, subprocesses
from gan.system.errors import CRASH, ConfigError
from gan.system.subprocesses import LOOK_SECONDS


def run_job(job: Job, cores: int, variables: Mapping[str, str]) -> int:
    """Run a job on a Ray worker until it ends or must stop; return its exit code, -n if signal n ended it.

    Args:
        cores: number of threads that it uses.
        variables: additional environment variables, which no file has.
    """
    if stop_file(job).exists():
        return -signal.SIGTERM
    child = job.start({cpu_threads.SHARE_VARIABLE: str(cores), **variables})  # Ray has set OMP_NUM_THREADS to the same
    with subprocesses.ended_together([child], GRACE_SECONDS):
        while child.poll() is None and not stop_file(job).exists():
            time.sleep(LOOK_SECONDS)
    return child.returncode


def stop_file(job: Job) -> Path:
    """Return the file whose existence tells a job to stop. ``ray.cancel`` would not wait until the run is saved."""
    return Path(f"{job.folder}.stop")


class RayCluster(ProcessPool):
    """Pool of tasks of a Ray cluster, which schedules them. If it is interrupted, it stops all jobs.

    Args:
        make_jobs: makes jobs from their overrides.
        address: address of the cluster: "auto" for the one this machine belongs to, or HOST:PORT; None starts one here.
        num_cpus, num_gpus: CPUs and GPUs reserved for each job.
        max_retries: how often a job is restarted if its node or worker was lost. It resumes its run.
    """

    look_seconds = 1.0

    def __init__(
        self, make_jobs: MakeJobs, address: str | None, num_cpus: float, num_gpus: float, max_retries: int
    ) -> None:
        super().__init__(make_jobs)
        self.address, self.num_cpus = address, num_cpus
        self._options = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_retries": max_retries}
        self._running: dict[Any, Job] = {}  # by Ray's reference to the task

    def close(self) -> None:
        if not ray.is_initialized():
            return
        files = [stop_file(job) for job in self._running.values()]
        for file in files:
            file.touch()
        if files:
            ray.wait(list(self._running), num_returns=len(files), timeout=GRACE_SECONDS)
        ray.shutdown()
        for file in files:
            file.unlink()

    def start_jobs(self, jobs: Sequence[Job]) -> None:
        if not ray.is_initialized():
            self._connect()
        # a task runs on the main thread of a worker, where signal handlers can be set
        task: Any = ray.remote(**self._options)(run_job)
        for job in jobs:
            stop_file(job).unlink(missing_ok=True)
            self._running[task.remote(job, max(1, int(self.num_cpus)), search_storage.variables())] = job
            print(f"{job.title} is given to Ray; its output: {job.log}", flush=True)

    def ended(self) -> dict[int, int]:
        done = {task: self._running.pop(task) for task in _ended(list(self._running))}
        return {job.number: conclude(job, *_outcome(task)) for task, job in done.items()}

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
        return CRASH, f"Ray: {type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
