"""Launcher: start, monitor and end the processes (ranks) of one run on this machine. Imports no torch."""

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

from gan.runs import run_end, run_folder
from gan.system import cpu_threads, process, rank_errors, shell, signals, subprocesses
from gan.system.cpu_threads import cores
from gan.system.errors import CRASH, GanError
from gan.system.locks import temporary_folder
from gan.system.subprocesses import GRACE_SECONDS, LOOK_SECONDS, Child

REPORTS = "gan-reports-"  # prefix of the temporary folder
SETTLE_SECONDS = 2.0  # wait after the first failure before deciding which rank caused it: a rank takes time to end


class Outcome(NamedTuple):
    """Result of a launch: exit code, message, and for run.json "failed" or "cut" ("" for neither) and the reason."""

    exit_code: int
    message: str = ""
    how: str = ""
    why: str = ""


def child_arguments(run_dir: Path, checkpoint: Path | None) -> Sequence[str]:
    """Return the command-line arguments that make a training program one of the processes of a prepared run.

    Args:
        run_dir: the run folder.
        checkpoint: the checkpoint to resume from, if any.
    """
    return [
        "--config-path",
        str(run_dir.absolute()),
        "--config-name",
        "config",  # flags first: Hydra reads overrides from only one place of the command line
        *([] if checkpoint is None else [f"+resume.checkpoint={shell.quoted(checkpoint)}"]),
        f"hydra.run.dir={shell.quoted(run_dir.absolute())}",
        "hydra.output_subdir=null",
        "hydra/job_logging=stdout",
    ]


def become(program: Sequence[str], arguments: Sequence[str], processes: int) -> NoReturn:
    """Replace this process by one that runs `launch` and exits with its result; the run folder stays locked.

    This frees the memory of torch and the images, 750 MB, which a waiting process does not need.
    """
    folder, descriptors = run_folder.claimed(), run_folder.lock_descriptors()
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    given = {
        "program": list(program),
        "arguments": list(arguments),
        "processes": processes,
        "folder": None if folder is None else str(folder),
        "descriptors": descriptors,
        "is_new": run_folder.is_new(folder),
    }
    main = "import json, sys; sys.path.insert(0, sys.argv[1]); from gan.launch.launcher import main"
    main += "; sys.exit(main(**json.loads(sys.argv[2])))"
    os.environ.update(process.current().variables(command=process.user_command()))
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, signals.SIGNALS)  # until `main` handles them
    os.execv(sys.executable, [sys.executable, "-P", "-c", main, str(Path(__file__).parents[2]), json.dumps(given)])


def main(
    program: Sequence[str],
    arguments: Sequence[str],
    processes: int,
    folder: str | None,
    descriptors: Sequence[int],
    is_new: bool,
) -> int:
    """Entry point of the process that `become` starts: run `launch`, and print one message if a signal stops it.

    A new run that a user's mistake has ended before it wrote anything leaves no folder.
    """
    if folder is not None:
        run_folder.adopt(Path(folder), descriptors)
    try:
        with signals.listening():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.SIGNALS)
            code = launch(program, arguments, processes)
        if code == GanError.exit_code and folder is not None and is_new:
            run_folder.remove_unstarted(Path(folder))
        return code
    except signals.Stopped as stop:
        print(f"Stopped by {stop.name}. {run_end.describe_stopped_run(run_folder.claimed())}", file=sys.stderr)
        return stop.exit_code


def launch(program: Sequence[str], arguments: Sequence[str], processes: int) -> int:
    """Run ``python program arguments`` as ``processes`` ranks on this machine, and wait for them.

    The ranks get the environment variables of torchrun. If one rank fails, the launcher ends all ranks and prints the
    first error once. It divides the cores among the ranks unless OMP_NUM_THREADS is set.

    We do not use torchrun: it prints its own report around every error, replaces all exit codes by 1, and keeps running
    when its parent process ends.

    Args:
        program: the interpreter's arguments that start the program: see `gan.system.process.program`.
        arguments: the program's own arguments.
        processes: number of ranks.

    Returns:
        0 if every rank ended with 0, else the exit code of the rank that failed first; 128 + n for signal n.
    """
    try:
        outcome = _run([sys.executable, "-u", *program, *arguments], processes)
    except signals.Stopped as stop:
        _note("cut", stop.name)  # the ranks only see the SIGTERM that we send
        raise
    if outcome.how:
        _note(outcome.how, outcome.why)  # rank 0 was only asked to end, or recorded a consequence
    return outcome.exit_code


def _note(how: str, why: str) -> None:
    folder = run_folder.claimed()
    if folder is not None:
        run_end.record_early_end(folder, how, **{"error" if how == "failed" else "by": why})


def _run(command: Sequence[str], processes: int) -> Outcome:
    """Run the command as ``processes`` ranks until they have ended, and print the first error."""
    sys.stdout.flush()  # before the ranks print anything
    with temporary_folder(REPORTS) as (folder, held), socket.socket() as reserved:
        # Rank 0 listens on this port. While it is also bound here, no other program gets it.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        inherited = [*run_folder.lock_descriptors(), held]
        with _ranks(command, _environment(processes, reserved.getsockname()[1], folder), inherited) as ranks:
            while None in [rank.poll() for rank in ranks] and not _has_failed(ranks, folder):
                time.sleep(LOOK_SECONDS)
            if _has_failed(ranks, folder):
                subprocesses.wait(ranks, SETTLE_SECONDS)
            outcome = _outcome(ranks, folder)
            if outcome.message:  # print it now: the end of all ranks may take a while
                print(outcome.message, file=sys.stderr, flush=True)
                subprocesses.wait(ranks, GRACE_SECONDS / 4)
    return outcome


def _environment(processes: int, port: int, folder: Path) -> dict[str, str]:
    """Return the environment common to all ranks: the variables of torchrun, and our own."""
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
    """Start the ranks; after the block, all of them have ended, also after an exception."""
    ranks: list[Child] = []
    with subprocesses.ended_together(ranks):
        for number in map(str, range(int(environment["WORLD_SIZE"]))):
            own = {**environment, "RANK": number, "LOCAL_RANK": number}
            ranks.append(subprocesses.start(command, own, pass_fds=inherited))
        yield ranks


def _has_failed(ranks: list[Child], folder: Path) -> bool:
    return any(rank.poll() for rank in ranks) or rank_errors.first(folder) is not None


def _outcome(ranks: list[Child], folder: Path) -> Outcome:
    """Return the outcome of the rank that failed first."""
    report, silent = rank_errors.first(folder), _ended_without_a_word(ranks, folder)
    if silent and not (report and _may_come_of(silent, report)):
        return _of_the_silent(*next(iter(silent.items())), len(ranks))
    if report is None:
        return Outcome(0)
    crashed = report.exit_code == CRASH
    whose = f"rank {report.rank} of {len(ranks)} processes failed:\n" if crashed else ""
    why = f"rank {report.rank}: {report.error}" if crashed else report.error
    return Outcome(report.exit_code, whose + report.text, "failed", why)


def _of_the_silent(number: int, code: int, count: int) -> Outcome:
    """Return the outcome of a rank that was killed or asked to end, and so reported no error."""
    ended = subprocesses.how_it_ended(code)
    heard = code > 0 and subprocesses.is_signal(code)  # then all ranks end together, and the signalled rank is unknown
    message = [f"{'one' if heard else f'rank {number}'} of {count} processes {ended}"]
    if not subprocesses.is_signal(code):
        return Outcome(code, message[0], "failed", f"rank {number} {ended}")
    if run_folder.claimed():
        message.append(run_end.describe_stopped_run(run_folder.claimed()))
    if heard:  # rank 0 has recorded it
        return Outcome(code, "\n".join(message))
    return Outcome(
        subprocesses.exit_code(code), "\n".join(message), "cut", f"{signal.Signals(-code).name} to rank {number}"
    )


def _ended_without_a_word(ranks: list[Child], folder: Path) -> dict[int, int]:
    """Return the exit codes, by rank, of failed ranks without a report: they were killed or asked to end.

    A rank that fails because another has ended reports an exception; so the ranks without a report are the cause.
    """
    codes = {number: rank.poll() for number, rank in enumerate(ranks)}
    return {number: code for number, code in codes.items() if code and not (folder / str(number)).exists()}


def _may_come_of(silent: dict[int, int], report: rank_errors.RankError) -> bool:
    """True if the reported error may be the cause: gloo aborts (SIGABRT) all silent ranks, and it is no lost peer."""
    return set(silent.values()) == {-signal.SIGABRT} and not rank_errors.is_lost_partner(report.text)
