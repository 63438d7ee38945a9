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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import submitit

from gan.launch.sweeps.jobs import GRACE_SECONDS, Job, conclude
from gan.launch.sweeps.pools import MakeJobs, Overrides, ProcessPool
from gan.launch.sweeps.queue_record import LOCAL, SLURM, QueueRecord, is_alive, result_of
from gan.system import cpu_threads, process, subprocesses
from gan.system.errors import CRASH, ConfigError
from gan.system.subprocesses import LOOK_SECONDS, Child

SHARED = ("name", "timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node")
LOOK_AT_SLURM_SECONDS = 10.0
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
        detached: do not end with the sweep, which does not wait.
    """

    def __init__(self, job: Job, variables: Mapping[str, str], *, passes_on: bool, detached: bool) -> None:
        self.job, self.variables, self.passes_on, self.detached = job, variables, passes_on, detached
        self._child: Child | None = None

    def __call__(self) -> int:
        """Run the job, and return its exit code, -n if signal n ended it."""
        number = int(os.environ.get("SLURM_PROCID", "0"))
        if self.passes_on:
            signal.signal(signal.SIGTERM, lambda *_: self._ask_to_end())
        self._child = self.job.start(self.variables, task=number, ignored=[signal.SIGUSR2])
        while self._child.poll() is None:
            if self.passes_on and not self.detached and not _sweep_lives():
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
        again = Task(self.job, self.variables, passes_on=self.passes_on, detached=self.detached)
        return submitit.helpers.DelayedSubmission(again)

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


class Queue(ProcessPool):
    """Pool of jobs of a queue, submitted by submitit. If it is interrupted, it cancels all jobs.

    Args:
        make_jobs: makes jobs from their overrides.
        cluster: ``LOCAL`` or ``SLURM``.
        folder: folder for submitit's files.
        n_jobs: number of jobs submitted at a time; None: all, and the cluster schedules them.
        max_num_timeout: how often a job is requeued after its time limit.
        wait: wait for the jobs; False: submit them and return, and let a later process of the same sweep collect them.
        parameters: parameters of submitit's executor; None for its default.
    """

    look_seconds = 1.0

    def __init__(
        self,
        make_jobs: MakeJobs,
        cluster: str,
        folder: str,
        n_jobs: int | None = None,
        max_num_timeout: int = 0,
        wait: bool = True,
        **parameters: Any,
    ) -> None:
        super().__init__(make_jobs)
        if not isinstance(wait, bool):
            raise ConfigError(f"hydra.launcher.wait: {wait!r} given, true or false expected")
        self.cluster, self.folder, self.max_num_timeout, self.waits = cluster, folder, max_num_timeout, wait
        self.slots = n_jobs or math.inf
        self.parameters = parameters
        self._made: submitit.AutoExecutor | None = None
        self._running: dict[int, tuple[Job, Any]] = {}
        self._record = QueueRecord(Path(folder))
        self._looked = -math.inf  # time of the last squeue call
        self._gone: dict[int, float] = {}  # time since which a job is not in SLURM's queue

    def close(self) -> None:
        if self.waits:
            self._take_back([queued for _, queued in self._running.values()])
            self._record.forget([job.folder for job, _ in self._running.values()])

    def start_jobs(self, jobs: Sequence[Job]) -> None:
        if self._made is None:
            with _queue_errors():
                self._made = self.executor()
        count = len(jobs) if math.isinf(self.slots) else int(self.slots)
        share = cpu_threads.threads_per_process(count) if self.cluster == LOCAL else {}
        tasks = [Task(job, share, passes_on=self.cluster == LOCAL, detached=not self.waits) for job in jobs]
        with _queue_errors(), subprocesses.ignore_signals():  # a local queue starts the jobs now
            queued = self._made.submit_array(tasks)
        if self.cluster != LOCAL or not self.waits:  # else they end with this process
            self._record.keep({job.folder: its for job, its in zip(jobs, queued, strict=True)})
        for job, its in zip(jobs, queued, strict=True):
            print(f"{job.title} is number {its.job_id} in the queue; its output: {job.log}", flush=True)
            self._running[job.number] = (job, its)

    def is_queued(self, folder: Path) -> bool:
        return str(folder.absolute()) in self._record

    def adopt(self, overrides: Overrides, number: int) -> None:
        (job,) = self._make_jobs([overrides], number)
        self._running[number] = (job, self._record.job(job.folder, self.cluster))

    @property
    def is_settled(self) -> bool:
        return not self._gone

    def ended(self) -> dict[int, int]:
        codes = {}
        for number in self._out_of_queue():
            job, queued = self._running.pop(number)
            self._gone.pop(number, None)
            codes[number] = conclude(job, *_outcome(queued))
            self._record.forget([job.folder])
        return codes

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

    def _out_of_queue(self) -> list[int]:
        """Return the numbers of jobs that have a result, or left the queue long enough ago to have one."""
        if self.cluster == LOCAL:
            return [number for number, (_, queued) in self._running.items() if not is_alive(queued)]
        now = time.monotonic()
        if now - self._looked > LOOK_AT_SLURM_SECONDS and (queue := _slurm_queue()) is not None:
            self._looked = now
            gone = [number for number, (_, queued) in self._running.items() if queued.job_id not in queue]
            self._gone = {number: self._gone.get(number, now) for number in gone}
        overdue = [number for number, since in self._gone.items() if now - since > RESULT_SECONDS]
        return [number for number, (_, job) in self._running.items() if number in overdue or result_of(job).exists()]

    def _take_back(self, queued: Sequence[Any]) -> None:
        """Cancel jobs; SIGTERM lets running jobs finish their update and save."""
        for job in queued:
            if self.cluster == SLURM:
                job.cancel(check=False)
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)
        last = time.monotonic() + GRACE_SECONDS
        while self.cluster == LOCAL and time.monotonic() < last and any(is_alive(job) for job in queued):
            time.sleep(LOOK_SECONDS)


def _slurm_queue() -> set[str] | None:
    """Return the ids of the jobs in SLURM's queue, waiting or running; None if SLURM does not respond.

    This does not use sacct, as submitit does: not every cluster has accounting.
    """
    command = ["squeue", "--me", "--array", "--noheader", "--format=%i"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(done.stdout.split())


def _outcome(queued: Any) -> tuple[int, str | None]:
    """Return the exit code of an ended job, and the reason if only the queue knows it."""
    first = queued.task(0)
    if result_of(queued).exists():
        with contextlib.suppress(submitit.core.utils.FailedJobError, submitit.core.utils.UncompletedJobError):
            return int(first.result()), None
    reason = f"job {queued.job_id} ended without a result (perhaps it was killed); see {first.paths.stderr}"
    return CRASH, reason


@contextlib.contextmanager
def _queue_errors() -> Iterator[None]:
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
