"""Record of the jobs that a sweep has submitted to a queue, so that a later process of the sweep can collect them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import submitit

from gan.runs.run_files import read_json_or_empty, write_json

LOCAL, SLURM = "local", "slurm"
FILE = "queued.json"
JOBS: Mapping[str, type[submitit.Job[int]]] = {LOCAL: submitit.LocalJob, SLURM: submitit.SlurmJob}


class QueueRecord:
    """Jobs in the queue: for each run folder the folder of submitit's files, the id of the job, and its tasks.

    Args:
        folder: folder of submitit's files, in which the record is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder.absolute() / FILE
        self._jobs: dict[str, dict[str, Any]] = read_json_or_empty(self._file)

    def __contains__(self, run_folder: str) -> bool:
        return self._relative(run_folder) in self._jobs

    def keep(self, queued: Mapping[str, Any]) -> None:
        """Add submitit's jobs, by run folder."""
        for run_folder, job in queued.items():
            tasks = [sub.paths.task_id for sub in job._sub_jobs] or [job.paths.task_id or 0]
            facts = {"id": job.job_id, "folder": self._relative(job.paths.folder), "tasks": tasks}
            self._jobs[self._relative(run_folder)] = facts
        self._write()

    def forget(self, run_folders: Sequence[str]) -> None:
        """Remove the jobs of these run folders."""
        removed = [self._jobs.pop(self._relative(folder), None) for folder in run_folders]
        if any(removed):
            self._write()

    def job(self, run_folder: str, cluster: str) -> Any:
        """Return submitit's job for a run folder in the record."""
        facts = self._jobs[self._relative(run_folder)]
        return JOBS[cluster](self._file.parent / facts["folder"], facts["id"], tasks=facts["tasks"])

    def _relative(self, path: str | Path) -> str:
        """Return a path relative to the record: the sweep's folder may be moved."""
        return os.path.relpath(Path(path).absolute(), self._file.parent)

    def _write(self) -> None:
        write_json(self._file, self._jobs)


def result_of(queued: Any) -> Path:
    """Return the file with the result of a job, which submitit writes at its end."""
    path: Path = queued.task(0).paths.result_pickle
    return path


def is_alive(queued: Any) -> bool:
    """Return whether a job of the local queue runs, also one that another process has started."""
    if queued._process is not None:
        return not queued.done()
    try:
        return b"submitit" in Path(f"/proc/{queued.job_id}/cmdline").read_bytes()  # the number may be reused
    except FileNotFoundError:
        return _exists(int(queued.job_id)) if not Path("/proc").is_dir() else False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
