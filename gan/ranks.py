"""The processes of one run on this machine: started together, watched, and ended together."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from torch.distributed import TCPStore

from gan import endings, run_folder
from gan.parallel import COMMAND_VARIABLE, user_command

GRACE_SECONDS = 20.0  # from the request to end to the end by force
LOOK_SECONDS = 0.1


def cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    except endings.Stopped as stop:
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
    with tempfile.TemporaryDirectory(prefix="gan-") as folder:
        store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        with _ranks(command, _environment(processes, store.port, folder)) as ranks:
            while None in (exit_codes := [rank.poll() for rank in ranks]):
                if any(exit_codes) or endings.first_report(Path(folder)):
                    break
                time.sleep(LOOK_SECONDS)
            outcome = _outcome(ranks, Path(folder))
            if outcome.told:  # now, not once all have ended, which may take a while
                print(outcome.told, file=sys.stderr, flush=True)
                _wait(ranks, GRACE_SECONDS / 4)
    return outcome


def _environment(processes: int, port: int, folder: str) -> dict[str, str]:
    """Of all ranks: torchrun's contract, and our own variables."""
    return {
        "OMP_NUM_THREADS": str(max(1, cores() // processes)),
        **os.environ,
        COMMAND_VARIABLE: json.dumps(user_command()),
        endings.REPORTS_VARIABLE: folder,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "gan",  # by this a process knows that it was launched
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # the store on that port is ours: rank 0 need not open one
        "GROUP_RANK": "0",
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
    }


@contextlib.contextmanager
def _ranks(command: Sequence[str], environment: dict[str, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The running ranks; whatever happens inside, none of them runs any more afterwards."""
    ranks: list[subprocess.Popen[bytes]] = []
    try:
        for rank_number in map(str, range(int(environment["WORLD_SIZE"]))):
            with _ignored(*(number for number in endings.SIGNALS if number != signal.SIGTERM)):
                own = {**environment, "RANK": rank_number, "LOCAL_RANK": rank_number}
                ranks.append(
                    subprocess.Popen(command, env=own, stdin=subprocess.PIPE, pass_fds=run_folder.lock_descriptors())
                )
        yield ranks
    finally:
        for rank in ranks:
            rank.terminate()
        try:
            _wait(ranks, GRACE_SECONDS)
        finally:
            for rank in ranks:
                rank.kill()
                rank.communicate()  # nothing; waits, and closes our end of its input


@contextlib.contextmanager
def _ignored(*signals: int) -> Iterator[None]:
    """What is started inside ignores these signals for good: a terminal sends them to all, and we pass them on."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(ranks: list[subprocess.Popen[bytes]], seconds: float) -> None:
    """Until all have ended, but no longer than this."""
    last = time.monotonic() + seconds
    while any(rank.poll() is None for rank in ranks) and time.monotonic() < last:
        time.sleep(LOOK_SECONDS)


def _outcome(ranks: list[subprocess.Popen[bytes]], folder: Path) -> Outcome:
    """Of the rank that failed first."""
    codes = {number: rank.poll() or 0 for number, rank in enumerate(ranks)}
    killed = [number for number, code in codes.items() if code < 0 and not (folder / str(number)).exists()]
    if killed:  # it could say nothing; what the others say comes of that
        number, by = killed[0], -codes[killed[0]]
        hint = " (by hand, or because memory ran out)" if by == signal.SIGKILL else ""
        name = signal.Signals(by).name
        told = f"rank {number} of {len(ranks)} processes was ended by {name}{hint}"
        return Outcome(128 + by, told, "cut", f"{name} to rank {number}")
    report = endings.first_report(folder)
    if report is not None:
        crashed = report.exit_code == endings.CRASH
        whose = f"rank {report.rank} of {len(ranks)} processes failed:\n" if crashed else ""
        why = f"rank {report.rank}: {report.error}" if crashed else report.error
        return Outcome(report.exit_code, whose + report.text, "failed", why)
    number, code = next(((number, code) for number, code in codes.items() if code), (0, 0))
    if not code:
        return Outcome(0)
    told = f"rank {number} of {len(ranks)} processes ended with exit code {code}"
    if code > 128:  # by a signal to all of them, after which the first has said so itself
        return Outcome(code, told)
    return Outcome(code, told, "failed", f"rank {number} ended with exit code {code}")
