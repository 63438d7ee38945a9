"""The processes of one run on this machine: started together, watched, and ended together."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from torch.distributed import TCPStore

from gan.runs import run_folder
from gan.system import cpu_threads, signals, subprocesses
from gan.system.cpu_threads import cores
from gan.system.locks import temporary_folder
from gan.system.subprocesses import GRACE_SECONDS, LOOK_SECONDS, Child
from gan.training.strategy import user_command

REPORTS = "gan-reports-"  # the beginning of a temporary folder's name
SETTLE_SECONDS = 2.0  # from the first word of a failure to the judgement who it was: a rank takes a moment to end
LOST_PARTNER = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "DistNetworkError")


class Outcome(NamedTuple):
    """How a launch ended: its exit code, what to tell, and for run.json "failed" or "cut" ("": neither), and why."""

    exit_code: int
    told: str = ""
    how: str = ""
    why: str = ""


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
    folder = run_folder.taken()
    if folder is not None:
        run_folder.note_early_end(folder, how, **{"error" if how == "failed" else "by": why})


def _run(command: Sequence[str], processes: int) -> Outcome:
    """Run a command as so many ranks until they have ended, and tell the first error."""
    sys.stdout.flush()  # before the ranks say anything
    with temporary_folder(REPORTS) as (folder, held):
        store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        inherited = [*run_folder.lock_descriptors(), held]
        with _ranks(command, _environment(processes, store.port, folder), inherited) as ranks:
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
        signals.COMMAND_VARIABLE: json.dumps(user_command()),
        signals.REPORTS_VARIABLE: str(folder),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "gan",  # by this a process knows that it was launched
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # the store on that port is ours: rank 0 need not open one
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
    return any(rank.poll() for rank in ranks) or signals.first_report(folder) is not None


def _outcome(ranks: list[Child], folder: Path) -> Outcome:
    """Of the rank that failed first."""
    report, silent = signals.first_report(folder), _ended_without_a_word(ranks, folder)
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
    if run_folder.taken():
        told.append(run_folder.what_is_left(run_folder.taken()))
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


def _may_come_of(silent: dict[int, int], report: signals.Report) -> bool:
    """All were aborted, as gloo may abort a process whose partner has gone; and the report is not of a lost partner."""
    return set(silent.values()) == {-signal.SIGABRT} and not any(word in report.text for word in LOST_PARTNER)
