"""Kill a search with -9, at random and while it writes, and compare it with an uninterrupted one (docs/sweeps.md).

    python benchmarks/kill_search.py [--kills 5] [--in-writes 3] [--trials 8] [--random 0] [--folder DIR] [SETTINGS …]

Of the kills some come at a random moment after the start has begun to train, the others while SQLite writes the
search's account: its journal is there then. After every kill the account is opened and checked. At the end come the
verdicts; exit code 1 if one of them does not hold.
"""

import argparse
import contextlib
import os
import random
import shlex
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import optuna
from kill_sweep import END, SMALL, begin, ends, is_same, killed, lengths_differ, to_the_end

SEARCH = [
    "hydra/sweeper=optuna",
    "hydra.sweeper.prune=true",
    "hydra.sweeper.prune_after=[2,1]",
    "callbacks.quality.every=4000",
    "optimizer.lr=tag(log,interval(1e-5,1e-2))",
    "data.batch_size=32,64",
]
OPEN = ("RUNNING", "WAITING")
Row = tuple[str, list[str], list[float] | None, dict[int, float]]


def main() -> int:
    """Run both searches, and say what came of it."""
    arguments = _arguments()
    draw = random.Random(arguments.random)
    with tempfile.TemporaryDirectory(prefix="kill-search-") as temporary:
        folder = Path(arguments.folder or temporary)
        words = ["-m", *SMALL, *SEARCH, f"hydra.sweeper.trials={arguments.trials}", *arguments.settings]
        print(f"$ python train.py {shlex.join(words)}")
        seconds, _ = to_the_end([*words, f"hydra.sweep.dir={folder / 'whole'}"])
        print(f"left alone: {seconds:.0f} s")
        sweep = folder / "killed"
        disturbed, trained, sound = [*words, f"hydra.sweep.dir={sweep}"], 0, True
        kinds = ["while training"] * arguments.kills + ["while writing"] * arguments.in_writes
        draw.shuffle(kinds)
        for number, kind in enumerate(kinds, 1):
            after = draw.uniform(0, 1.4 / (len(kinds) + 1)) * seconds
            told = (killed if kind == "while training" else _killed_in_a_write)(disturbed, sweep, after, number)
            trained += told.count(END)
            sound = _look(sweep) and sound
        seconds, told = to_the_end(disturbed)
        print(f"last start: to the end in {seconds:.0f} s")
        return _verdict(folder / "whole", sweep, arguments.trials, trained + told.count(END), sound)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5, help="at random moments of training")
    parser.add_argument("--in-writes", type=int, default=3, help="while the account is written")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--random", type=int, default=0, help="seed of the moments")
    parser.add_argument("--folder", help="for both searches; removed afterwards if not given")
    parser.add_argument("settings", nargs="*")
    return parser.parse_args()


def _killed_in_a_write(words: Sequence[str], sweep: Path, after: float, number: int) -> str:
    """What the search had said when it was killed, at the first write to its account so long after it began.

    Every second time that is when it began to train; else its first write counts too, with which it opens the account.
    """
    journal = sweep / "study.db-journal"
    left, since, began = _state(journal), time.time(), time.monotonic()
    process, seen = begin(words), False
    waits = number % 2 == 0
    while process.poll() is None and waits and not any(p.stat().st_mtime > since for p in sweep.glob("*/run.json")):
        time.sleep(0.02)
    last = time.monotonic() + (after if waits else 0)
    while process.poll() is None and not seen:
        seen = time.monotonic() > last and _state(journal) not in (None, left)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    told, _ = process.communicate()
    half = "; the journal of a write that was not finished is left" if journal.exists() else ""
    how = f"killed while it wrote, {time.monotonic() - began:.1f} s after its start{half}" if seen else "had ended"
    print(f"start {number}: {how}")
    return str(told)


def _state(journal: Path) -> tuple[int, int] | None:
    """What tells one journal from another; None if there is none."""
    try:
        found = journal.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _look(sweep: Path) -> bool:
    """Whether the account is sound and can be written, after a kill; a line that says what is in it."""
    file = sweep / "study.db"
    if not file.exists():
        print("  no account yet")
        return True
    with contextlib.closing(sqlite3.connect(file, timeout=5)) as account:
        (found,) = account.execute("PRAGMA integrity_check").fetchone()
        account.execute("BEGIN IMMEDIATE")  # raises where another holds a lock
        account.rollback()
    states = Counter(row[0] for row in table(sweep))
    print(f"  account: integrity {found}; {', '.join(f'{n} {state}' for state, n in states.items()) or 'no trials'}")
    return bool(found == "ok") and states["RUNNING"] <= 1


def table(sweep: Path) -> list[Row]:
    """Of each trial its state, words, values and what was reported while it trained; [] of a study not yet made."""
    try:
        study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{sweep / 'study.db'}")
    except KeyError:
        return []
    return [
        (trial.state.name, trial.user_attrs.get("words", []), trial.values, dict(trial.intermediate_values))
        for trial in study.get_trials(deepcopy=False)
    ]


def _verdict(whole: Path, sweep: Path, trials: int, told: int, sound: bool) -> int:
    """Print what holds; the exit code. ``told``: how often the starts have said that a job had trained to its end."""
    alone, rows = table(whole), table(sweep)
    chosen = [row for row in rows if row[1]]
    states = Counter(state for state, *_ in chosen)
    jobs = {tuple(words) for _, words, *_ in alone}
    left = len(rows) - len(chosen)
    counted = ", ".join(f"{number} {state}" for state, number in states.items())
    parts = sum(len(facts.get("resumed", [])) for facts in ends(sweep).values())
    otherwise = lengths_differ(whole, sweep)
    differing = [name for name in sorted(ends(whole)) if not is_same(whole / name, sweep / name)]
    verdicts = {
        f"{len(chosen)} of {trials} trials: {counted}; {left} more that a kill left without a job, as FAIL": (
            len(chosen) == trials
            and not states.keys() & {*OPEN, "FAIL"}
            and all(row[0] == "FAIL" for row in rows if not row[1])
        ),
        f"{told} times a job was trained to its end, of {len(jobs)} jobs; {parts} times resumed from a "
        f"checkpoint; {otherwise} of another length": told == len(jobs) and not otherwise,
        "the account has the choices, values and measurements of the search left alone": chosen == alone,
        f"{len(jobs) - len(differing)} runs equal the undisturbed search's, {len(differing)} do not": not differing,
        "the account was whole and open to writers after every kill": sound,
    }
    for before, now in zip(alone, chosen, strict=False):
        if before != now:
            print(f"  left alone {before}\n  killed     {now}")
    for text, holds in verdicts.items():
        print(f"{'yes' if holds else 'NO '}  {text}")
    return 0 if all(verdicts.values()) else 1


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sys.exit(main())
