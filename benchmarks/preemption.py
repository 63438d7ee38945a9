"""Take hosts from a run at random moments, and start the same command again, as a cluster with spot machines does.

    python benchmarks/preemption.py --minutes 20

Needs root: see benchmarks/hosts.py. A random host of the run is killed (kill -9 to all its processes, and torchrun)
at a random moment: while it starts, trains or writes. The others end by themselves; what has not ended after 30 s is
killed, and counted. Then the host is back and the same command is started on all hosts. At the end the run trains
undisturbed, and is compared with one that nobody disturbed: states, rows of metrics.csv and pictures, bit for bit.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from host_runs import ROOT, HostRun, differences
from network import Link, Network, network, unavailable

sys.path.insert(0, str(ROOT))
HOLD = 30.0
EVERY = "callbacks.checkpoint.every=4"  # minibatches


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=20.0, help="how long hosts are killed")
    arguments.add_argument("--hosts", type=int, default=2)
    arguments.add_argument("--epochs", type=int, default=30, help="length of a run; a finished one begins anew")
    arguments.add_argument("--longest", type=float, default=45.0, help="seconds from a start to a kill, at most")
    arguments.add_argument("--seed", type=int, default=0, help="of the random moments")
    arguments.add_argument("--out", type=Path, default=Path("preemption"), help="where the runs are made")
    given = arguments.parse_args()
    if reason := unavailable():
        print(reason, file=sys.stderr)
        return 2
    out, words = given.out.resolve(), (f"trainer.max_epochs={given.epochs}", EVERY)
    out.mkdir(parents=True)
    chance, found, wrong, run = random.Random(given.seed), Counter[str](), [], out / "run"
    with network(given.hosts, Link()) as made:
        HostRun(made, given.hosts, out / "whole", *words).finish()
        began = time.monotonic()
        while time.monotonic() - began < given.minutes * 60:
            if not preempt(made, given.hosts, run, words, chance, given.longest, found):
                wrong += differences(run, out / "whole")
                shutil.rmtree(run)  # it had ended: the next one
            print(f"{time.monotonic() - began:.0f} s: {dict(found)}", flush=True)
        HostRun(made, given.hosts, run, *words).finish()
        wrong += differences(run, out / "whole")
    found["runs compared"] = found["runs that ended between two kills"] + 1
    print(json.dumps({**found, "differences": wrong, "files left over": len(list(run.glob("**/.*.tmp")))}))
    return int(bool(wrong or found["starts that failed"]))


def preempt(
    made: Network,
    hosts: int,
    run: Path,
    words: tuple[str, ...],
    chance: random.Random,
    longest: float,
    found: Counter[str],
) -> bool:
    """Start the command on all hosts, and kill one of them later; False if the run had ended by itself before."""
    begun, moment, host = HostRun(made, hosts, run, *words), chance.uniform(0, longest), chance.randint(1, hosts)
    found["starts"] += 1
    ended = begun.wait(moment, [host])
    if ended and ended[0].exit_code == 0:
        begun.finish()
        found["runs that ended between two kills"] += 1
        return False
    found["starts that failed"] += bool(ended)
    if ended:
        print(ended[0].told, flush=True)
    trained = (run / "checkpoints" / "last.ckpt").exists() and begun.has_trained()
    made.send(host, signal.SIGKILL)
    found["kills"] += 1
    found["kills in training"] += trained
    found["kills while a file was written"] += any(run.glob("**/.*.tmp"))
    rest = begun.wait(HOLD, [number for number in range(1, hosts + 1) if number != host])
    found["ended by themselves"] += len(rest) == hosts - 1
    found["named the lost host"] += len(rest) == hosts - 1 and all(end.named == [f"host{host}"] for end in rest)
    for number in range(1, hosts + 1):
        made.send(number, signal.SIGKILL)
    begun.wait(HOLD)
    return True


if __name__ == "__main__":
    sys.exit(main())
