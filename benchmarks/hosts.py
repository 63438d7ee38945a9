"""One run on two to four hosts: the numbers of one machine; and what happens when a host disappears.

    python benchmarks/hosts.py

Needs root: each host is a network namespace of this machine (benchmarks/network.py), with a link of 1 Gbit/s, 10 ms
there and back and 1 % of packets lost. Each runs torchrun with the command of docs/scaling.md. Three parts, each
printed as rows of a table:

same    hosts against as many processes of one machine: states, rows of metrics.csv and pictures bit for bit
losses  a host is killed, stopped or cut off; the others end; the same command goes on to the end of an undisturbed run
fewer   a host is killed and does not come back; the others go on, and end as that many processes of one machine do
"""

import argparse
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from host_runs import ROOT, Ended, HostRun, copied, differences, on_one_machine
from network import Link, Network, network, unavailable

sys.path.insert(0, str(ROOT))
LENGTH = "trainer.max_epochs=12"
HOLD = 30.0  # seconds within which all other hosts must have ended
WAYS = ("kill -9", "SIGSTOP", "link down")
SIGNALS = {"kill -9": signal.SIGKILL, "SIGSTOP": signal.SIGSTOP}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument(
        "--parts", nargs="*", default=["same", "losses", "fewer"], choices=["same", "losses", "fewer"]
    )
    arguments.add_argument("--hosts", nargs="*", type=int, default=[2, 3, 4], help="of the part `same`")
    arguments.add_argument("--ways", nargs="*", default=WAYS, choices=WAYS, help="of the part `losses`")
    arguments.add_argument(
        "--lost", nargs="*", type=int, default=[1, 2], help="which host of two, of the part `losses`"
    )
    arguments.add_argument(
        "--fewer", nargs="*", type=int, default=[3, 2], help="hosts at the start, of the part `fewer`"
    )
    arguments.add_argument("--out", type=Path, default=Path("hosts"), help="where the runs are made")
    for number, field in enumerate(Link._fields):
        arguments.add_argument(f"--{field.replace('_', '-')}", type=float, default=Link()[number])
    given = arguments.parse_args()
    if reason := unavailable():
        print(reason, file=sys.stderr)
        return 2
    given.out.mkdir(parents=True)
    link, wrong = Link(given.mbit, given.delay_ms, given.loss), 0
    print(f"link: {link}\n| what | outcome |\n| --- | --- |")
    for name, row in rows(given.out.resolve(), link, given):
        print(f"| {name} | {row} |", flush=True)
        wrong += "DIFFERENT" in row or "NOT" in row
    return int(wrong > 0)


def rows(out: Path, link: Link, given: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Run the parts; name and outcome of each row."""
    if "same" in given.parts:
        for count in given.hosts:
            with network(count, link) as made:
                yield f"{count} hosts, not disturbed", same(made, count, out / f"same{count}")
    if "losses" in given.parts:
        with network(2, link) as made:
            HostRun(made, 2, out / "whole", LENGTH).finish()
            for way in given.ways:
                for host in given.lost:
                    run = out / f"{way.replace(' ', '_')}_{host}"
                    yield f"{way}, host {host} of 2", loss(made, way, host, run, out / "whole")
    if "fewer" in given.parts:
        for count in given.fewer:
            with network(count, link) as made:
                yield f"host {count} of {count} killed, {count - 1} go on", fewer(made, count, out / f"fewer{count}")


def same(made: Network, count: int, run: Path) -> str:
    """Train on hosts and on one machine; compare."""
    HostRun(made, count, run, LENGTH).finish()
    alone = run.with_name(f"{run.name}_alone")
    on_one_machine(alone, count, LENGTH)
    return compared(run, alone, f"trainer.devices={count}")


def loss(made: Network, way: str, host: int, run: Path, whole: Path) -> str:
    """Lose a host while the run trains; run the same command again; compare with an undisturbed run."""
    ended = lose(made, way, host, run)
    HostRun(made, 2, run, LENGTH).finish()
    return f"{described(ended, host)}; run again: {compared(run, whole, 'an undisturbed run')}"


def fewer(made: Network, count: int, run: Path) -> str:
    """Kill the last host; the others go on, and so does a copy of the run on one machine."""
    ended = lose(made, "kill -9", count, run, hosts=count)
    alone = copied(run, run.with_name(f"{run.name}_alone"))
    HostRun(made, count - 1, run, LENGTH, "resume.allow=[trainer.num_nodes]").finish()
    on_one_machine(alone, count - 1, LENGTH, "resume.allow=[trainer.num_nodes,trainer.devices]")
    return f"{described(ended, count)}; run again: {compared(run, alone, f'trainer.devices={count - 1}')}"


def lose(made: Network, way: str, host: int, run: Path, hosts: int = 2) -> list[Ended]:
    """Start a run, and take a host from it when it has trained for some epochs; how the others ended.

    Afterwards the host is as before, and nothing runs on it.
    """
    begun = HostRun(made, hosts, run, LENGTH)
    begun.wait_until_trained(epoch=3)
    if way == "link down":
        made.set_link(host, up=False)
    else:
        made.send(host, SIGNALS[way])
    ended = begun.wait(HOLD, [number for number in range(1, hosts + 1) if number != host])
    if way == "SIGSTOP":
        made.send(host, signal.SIGCONT)
    begun.wait(2 * HOLD, [host])  # cut off, or continued, it ends by itself
    made.set_link(host, up=True)
    left = [number for number in range(1, hosts + 1) if made.processes(number)]
    if left or len(ended) < hosts - 1:
        for number in left:
            made.send(number, signal.SIGKILL)
        print(f"NOT ended: {left}, of {run}", flush=True)
    shutil.copytree(run, run.with_name(f"{run.name}_lost"))
    return ended


def described(ended: list[Ended], host: int) -> str:
    """How the other hosts ended, in a cell of the table."""
    if not ended:
        return f"the others have NOT ended after {HOLD:.0f} s"
    seconds = max(end.seconds for end in ended)
    codes = sorted({end.exit_code for end in ended})
    named = all(end.named == [f"host{host}"] for end in ended)
    message = (
        f"one message on each, which names host{host}" if named else f"NOT one message: {[end.named for end in ended]}"
    )
    return f"the others ended after {seconds:.1f} s, exit code {', '.join(map(str, codes))}, {message}"


def compared(run: Path, other: Path, name: str) -> str:
    found = differences(run, other)
    return f"bit-equal to {name}" if not found else f"DIFFERENT from {name}: {'; '.join(found[:3])}"


if __name__ == "__main__":
    sys.exit(main())
