"""Submitit launcher: runs the jobs of a sweep in a SLURM queue, or in a queue on this machine.

We do not use hydra-submitit-launcher: there, a job that is killed or out of memory ends the sweep while the other jobs
keep running; stopping the sweep leaves all jobs in the queue; and the time limit interrupts a run inside an update.
Here submitit writes and submits the batch file, and each job starts train.py as a sweep on one machine does.
"""

import contextlib
import math
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import submitit
from hydra.core.utils import JobReturn

from gan.launch.sweeps.jobs import GRACE_SECONDS, Job, conclude
from gan.system import cpu_threads, process, signals, subprocesses
from gan.system.errors import ConfigError
from gan.system.subprocesses import LOOK_SECONDS, Child

LOCAL, SLURM = "local", "slurm"
SHARED = ("name", "timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node")
LOOK_AT_QUEUE_SECONDS, LOOK_AT_SLURM_SECONDS = 1.0, 10.0
RESULT_SECONDS = 20.0  # time for the result of a job that has left the queue to appear on a network disk
STOPPED = 128 + signal.SIGTERM


class Task:
    """Task that submitit runs on the node: it starts the process of a job and monitors it.

    Before the time limit, or when the job is preempted, submitit sends SIGUSR2 and calls `checkpoint`: the run finishes
    its update and saves, and the job is requeued. The same task then runs again, and ``resume.run=auto`` resumes the
    run from its newest intact checkpoint.

    Args:
        job: the job.
        variables: additional environment variables for its process.
        passes_on: forward SIGTERM to the process of the job. SLURM itself sends it to all processes of a job.
    """

    def __init__(self, job: Job, variables: Mapping[str, str], *, passes_on: bool) -> None:
        self.job, self.variables, self.passes_on = job, variables, passes_on
        self._child: Child | None = None

    def __call__(self) -> int:
        """Run the job, and return its exit code, -n if signal n ended it."""
        number = int(os.environ.get("SLURM_PROCID", "0"))
        if self.passes_on:
            signal.signal(signal.SIGTERM, lambda *_: self._ask_to_end())
        self._child = self.job.start(self.variables, task=number, ignored=[signal.SIGUSR2])
        while self._child.poll() is None:
            if self.passes_on and not _sweep_lives():
                self._ask_to_end()
                self._child.wait()
            time.sleep(LOOK_SECONDS)
        self._child.communicate()  # reads nothing; closes our end of its input
        code = self._child.returncode
        if number and subprocesses.exit_code(code) not in (0, STOPPED):
            # the other processes of the run would wait for this one: this makes srun end them
            raise SystemExit(subprocesses.exit_code(code))
        return code

    def checkpoint(self) -> Any:
        """Return what to run when the job is requeued; called in a signal handler during `__call__`."""
        if self._child is not None:
            self._ask_to_end()
            last = time.monotonic() + GRACE_SECONDS
            while not _has_ended(self._child.pid):
                if time.monotonic() > last:
                    os.kill(self._child.pid, signal.SIGKILL)
                time.sleep(LOOK_SECONDS)
        return submitit.helpers.DelayedSubmission(Task(self.job, self.variables, passes_on=self.passes_on))

    def _ask_to_end(self) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGTERM)


def _has_ended(pid: int) -> bool:
    """True if a child has ended; does not reap it, because the code that a signal interrupted may wait for it."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _sweep_lives() -> bool:
    try:
        os.kill(process.current().sweep or 0, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Queue:
    """Runs jobs by submitit.

    Args:
        cluster: ``LOCAL`` or ``SLURM``.
        folder: folder for submitit's files.
        n_jobs: number of jobs submitted at a time; None: all, and the cluster schedules them.
        max_num_timeout: how often a job is requeued after its time limit.
        parameters: parameters of submitit's executor; None for its default.
    """

    cluster: str
    folder: str
    n_jobs: int | None = None
    max_num_timeout: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    _looked: float = -math.inf  # time of the last squeue call
    _gone: dict[int, float] = field(default_factory=dict)  # time since which a job is not in SLURM's queue

    def run(self, jobs: Sequence[Job]) -> list[JobReturn]:
        """Run all jobs; a failed job does not stop the others. If this is interrupted, it cancels all jobs."""
        with _told():
            executor = self.executor()
        waiting, running, returns = deque(jobs), dict[int, tuple[Job, Any]](), dict[int, JobReturn]()
        try:
            while waiting or running:
                room = (self.n_jobs or len(jobs)) - len(running)
                if batch := [waiting.popleft() for _ in range(min(room, len(waiting)))]:
                    running |= self._submit(executor, batch)
                for number in self._ended(running):
                    job, queued = running.pop(number)
                    returns[number] = conclude(job, *_outcome(queued))
                time.sleep(LOOK_AT_QUEUE_SECONDS)
        finally:
            self._take_back([queued for _, queued in running.values()])
        return [returns[job.number] for job in jobs]

    def executor(self) -> submitit.AutoExecutor:
        """Return submitit's executor with all parameters.

        Raises:
            RuntimeError, NameError, AssertionError: the queue is not available, or a parameter is invalid.
        """
        arguments = {f"{self.cluster}_max_num_timeout": self.max_num_timeout}
        executor = submitit.AutoExecutor(folder=f"{self.folder}/%j", cluster=self.cluster, **arguments)
        given = {name: value for name, value in self.parameters.items() if value is not None}
        executor.update_parameters(
            **{name if name in SHARED else f"{self.cluster}_{name}": value for name, value in given.items()}
        )
        return executor

    def _submit(self, executor: submitit.AutoExecutor, jobs: Sequence[Job]) -> dict[int, tuple[Job, Any]]:
        share = cpu_threads.threads_per_process(self.n_jobs or len(jobs)) if self.cluster == LOCAL else {}
        tasks = [Task(job, share, passes_on=self.cluster == LOCAL) for job in jobs]
        with _told(), subprocesses.ignore_signals():  # a local queue starts the jobs now
            queued = executor.submit_array(tasks)
        for job, its in zip(jobs, queued, strict=True):
            print(f"run {job.number} of the sweep is job {its.job_id}; what it says: {job.log}", flush=True)
        return {job.number: (job, its) for job, its in zip(jobs, queued, strict=True)}

    def _ended(self, running: Mapping[int, tuple[Job, Any]]) -> list[int]:
        """Return the numbers of jobs that have a result, or left the queue long enough ago to have one."""
        if self.cluster == LOCAL:
            return [number for number, (_, queued) in running.items() if queued.done()]
        now = time.monotonic()
        if now - self._looked > LOOK_AT_SLURM_SECONDS and (queue := _slurm_queue()) is not None:
            self._looked = now
            gone = [number for number, (_, queued) in running.items() if queued.job_id not in queue]
            self._gone = {number: self._gone.get(number, now) for number in gone}
        overdue = [number for number, since in self._gone.items() if now - since > RESULT_SECONDS]
        return [number for number, (_, queued) in running.items() if number in overdue or _result(queued).exists()]

    def _take_back(self, queued: Sequence[Any]) -> None:
        """Cancel jobs; SIGTERM lets running jobs finish their update and save."""
        for job in queued:
            if self.cluster == SLURM:
                job.cancel(check=False)
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)
        last = time.monotonic() + GRACE_SECONDS
        while self.cluster == LOCAL and time.monotonic() < last and not all(job.done() for job in queued):
            time.sleep(LOOK_SECONDS)


def _slurm_queue() -> set[str] | None:
    """Return the ids of the jobs in SLURM's queue, waiting or running; None if SLURM does not respond.

    This does not use sacct, as submitit does: not every cluster has accounting.
    """
    command = ["squeue", "--me", "--array", "--noheader", "--format=%i"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(told.stdout.split())


def _result(queued: Any) -> Path:
    path: Path = queued.task(0).paths.result_pickle
    return path


def _outcome(queued: Any) -> tuple[int, str | None]:
    """Return the exit code of an ended job, and the reason if only the queue knows it."""
    first = queued.task(0)
    if _result(queued).exists():
        with contextlib.suppress(submitit.core.utils.FailedJobError, submitit.core.utils.UncompletedJobError):
            return int(first.result()), None
    reason = f"job {queued.job_id} ended without a result, killed perhaps: {first.paths.stderr} may say why"
    return signals.CRASH, reason


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Convert an error from the queue to a ConfigError with the queue's message."""
    try:
        yield
    except (
        submitit.core.utils.FailedJobError,
        submitit.core.utils.FailedSubmissionError,
        subprocess.CalledProcessError,
        RuntimeError,
        NameError,
        AssertionError,
    ) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip(" -")]
        raise ConfigError(f"hydra.launcher: {' '.join(lines)}") from error
