"""The processes of one run on this machine: started together, watched, and ended together. Imports no torch."""

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from gan.runs import run_folder
from gan.system import cpu_threads, process, rank_errors, shell, signals, subprocesses
from gan.system.cpu_threads import cores
from gan.system.locks import temporary_folder
from gan.system.subprocesses import GRACE_SECONDS, LOOK_SECONDS, Child

REPORTS = "gan-reports-"  # the beginning of a temporary folder's name
SETTLE_SECONDS = 2.0  # from the first word of a failure to the judgement who it was: a rank takes a moment to end
LOST_PARTNER = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "DistNetworkError")


class Outcome(NamedTuple):
    """How a launch ended: its exit code, what to tell, and for run.json "failed" or "cut" ("": neither), and why."""

    exit_code: int
    told: str = ""
    how: str = ""
    why: str = ""


def child_arguments(run_dir: Path, checkpoint: Path | None) -> Sequence[str]:
    """Command-line arguments with which train.py takes part, as one of several processes, in a run that is set up.

    Args:
        run_dir: its folder.
        checkpoint: that it goes on from, if it does.
    """
    return [
        "--config-path",
        str(run_dir),
        "--config-name",
        "config",  # flags first: Hydra takes the settings from one place of the command line alone
        *([] if checkpoint is None else [f"+resume.checkpoint={shell.quoted(checkpoint)}"]),
        f"hydra.run.dir={shell.quoted(run_dir)}",
        "hydra.output_subdir=null",
        "hydra/job_logging=stdout",
    ]


def become(script: str, arguments: Sequence[str], processes: int) -> NoReturn:
    """Replace this process by one that does `launch` and exits with its result; the run folder stays locked.

    This process holds torch and the images, 750 MB, which a process that only waits does not need.
    """
    folder, descriptors = run_folder.claimed(), run_folder.lock_descriptors()
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    given = {
        "script": script,
        "arguments": list(arguments),
        "processes": processes,
        "folder": None if folder is None else str(folder),
        "descriptors": descriptors,
    }
    main = "import json, sys; sys.path.insert(0, sys.argv[1]); from gan.launch.launcher import main"
    main += "; sys.exit(main(**json.loads(sys.argv[2])))"
    os.environ.update(process.current().variables(command=process.user_command()))
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, signals.SIGNALS)  # until `main` listens to them
    os.execv(sys.executable, [sys.executable, "-P", "-c", main, str(Path(__file__).parents[2]), json.dumps(given)])


def main(script: str, arguments: Sequence[str], processes: int, folder: str | None, descriptors: Sequence[int]) -> int:
    """The process that `become` begins: `launch`, and one message if a signal stops it."""
    if folder is not None:
        run_folder.adopt(Path(folder), descriptors)
    try:
        with signals.listening():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.SIGNALS)
            return launch(script, arguments, processes)
    except signals.Stopped as stop:
        print(f"Stopped by {stop.name}. {run_folder.describe_stopped_run(run_folder.claimed())}", file=sys.stderr)
        return stop.exit_code


def launch(script: str, arguments: Sequence[str], processes: int) -> int:
    """Run ``python script arguments`` as ``processes`` ranks on this machine, and wait for them.

    They find in their environment what torchrun would put there. When one fails, all are ended, and the first error is
    printed, once. The cores are divided among the ranks unless OMP_NUM_THREADS is set.

    Not torchrun itself: it prints its own account around every error, makes all exit codes 1, and goes on when the
    process that began it is ended.

    Returns:
        0 if every rank ended with 0, else the exit code of the one that failed first; 128 + n if by signal n.
    """
    try:
        outcome = _run([sys.executable, "-u", script, *arguments], processes)
    except signals.Stopped as stop:
        _note("cut", stop.name)  # the ranks know of our SIGTERM alone
        raise
    if outcome.how:
        _note(outcome.how, outcome.why)  # the first rank was only asked to end, or says what came of it
    return outcome.exit_code


def _note(how: str, why: str) -> None:
    folder = run_folder.claimed()
    if folder is not None:
        run_folder.record_early_end(folder, how, **{"error" if how == "failed" else "by": why})


def _run(command: Sequence[str], processes: int) -> Outcome:
    """Run a command as so many ranks until they have ended, and tell the first error."""
    sys.stdout.flush()  # before the ranks say anything
    with temporary_folder(REPORTS) as (folder, held), socket.socket() as reserved:
        # Rank 0 listens on this port. As long as it is bound here too, no other program is given it.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        inherited = [*run_folder.lock_descriptors(), held]
        with _ranks(command, _environment(processes, reserved.getsockname()[1], folder), inherited) as ranks:
            while None in [rank.poll() for rank in ranks] and not _has_failed(ranks, folder):
                time.sleep(LOOK_SECONDS)
            if _has_failed(ranks, folder):
                subprocesses.wait(ranks, SETTLE_SECONDS)
            outcome = _outcome(ranks, folder)
            if outcome.told:  # now, not once all have ended, which may take a while
                print(outcome.told, file=sys.stderr, flush=True)
                subprocesses.wait(ranks, GRACE_SECONDS / 4)
    return outcome


def _environment(processes: int, port: int, folder: Path) -> dict[str, str]:
    """Of all ranks: torchrun's contract, and our own variables."""
    given = cpu_threads.without_share(os.environ)
    return {
        **given,
        **cpu_threads.threads(cores() // processes, given),
        **process.current().variables(command=process.user_command(), errors=str(folder)),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        process.LAUNCHED: "gan",
        "GROUP_RANK": "0",
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
    }


@contextlib.contextmanager
def _ranks(command: Sequence[str], environment: dict[str, str], inherited: Sequence[int]) -> Iterator[list[Child]]:
    """The running ranks; whatever happens inside, none of them runs any more afterwards."""
    ranks: list[Child] = []
    with subprocesses.ended_together(ranks):
        for number in map(str, range(int(environment["WORLD_SIZE"]))):
            own = {**environment, "RANK": number, "LOCAL_RANK": number}
            ranks.append(subprocesses.start(command, own, pass_fds=inherited))
        yield ranks


def _has_failed(ranks: list[Child], folder: Path) -> bool:
    return any(rank.poll() for rank in ranks) or rank_errors.first(folder) is not None


def _outcome(ranks: list[Child], folder: Path) -> Outcome:
    """Of the rank that failed first."""
    report, silent = rank_errors.first(folder), _ended_without_a_word(ranks, folder)
    if silent and not (report and _may_come_of(silent, report)):
        return _of_the_silent(*next(iter(silent.items())), len(ranks))
    if report is None:
        return Outcome(0)
    crashed = report.exit_code == signals.CRASH
    whose = f"rank {report.rank} of {len(ranks)} processes failed:\n" if crashed else ""
    why = f"rank {report.rank}: {report.error}" if crashed else report.error
    return Outcome(report.exit_code, whose + report.text, "failed", why)


def _of_the_silent(number: int, code: int, count: int) -> Outcome:
    """Of a rank that was killed, or asked to end: of what is left of the run it could not tell."""
    ended = subprocesses.how_it_ended(code)
    heard = code > 0 and subprocesses.is_signal(code)  # then all agree to end, and nobody knows who was asked
    told = [f"{'one' if heard else f'rank {number}'} of {count} processes {ended}"]
    if not subprocesses.is_signal(code):
        return Outcome(code, told[0], "failed", f"rank {number} {ended}")
    if run_folder.claimed():
        told.append(run_folder.describe_stopped_run(run_folder.claimed()))
    if heard:  # the first rank has noted it
        return Outcome(code, "\n".join(told))
    return Outcome(
        subprocesses.exit_code(code), "\n".join(told), "cut", f"{signal.Signals(-code).name} to rank {number}"
    )


def _ended_without_a_word(ranks: list[Child], folder: Path) -> dict[int, int]:
    """The exit codes, by rank, of those that failed and left no report: killed, or asked to end.

    What comes of another rank's end is an exception, which is reported; so they are the cause of what others report.
    """
    codes = {number: rank.poll() for number, rank in enumerate(ranks)}
    return {number: code for number, code in codes.items() if code and not (folder / str(number)).exists()}


def _may_come_of(silent: dict[int, int], report: rank_errors.RankError) -> bool:
    """All were aborted, as gloo may abort a process whose partner has gone; and the report is not of a lost partner."""
    return set(silent.values()) == {-signal.SIGABRT} and not any(word in report.text for word in LOST_PARTNER)
