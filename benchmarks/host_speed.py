"""What a link costs a run on several hosts: all-reduces and images per second, beside benchmarks/scaling_model.py.

    python benchmarks/host_speed.py --rounds 3

Needs root: see benchmarks/hosts.py. All hosts share the cores of this machine, so four hosts on two cores compute more
slowly than four machines would; the exchange of gradients is what is measured here.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from host_runs import PORT, START_SECONDS, environment
from network import Link, Network, network, unavailable
from scaling_model import Link as ModelLink
from two_processes import ALL, GAMES, composed

LINKS = {
    "1 Gbit/s, 0.1 ms": Link(1000.0, 0.05, 0.0),
    "1 Gbit/s, 10 ms": Link(1000.0, 5.0, 0.0),
    "1 Gbit/s, 10 ms, 1 % lost": Link(1000.0, 5.0, 0.01),
}
SMALL, LARGE = 1, 1_500_000  # float32 in an all-reduce: nothing, and one network of the mlp


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--hosts", nargs="*", type=int, default=[2, 4], help="of the all-reduces")
    arguments.add_argument("--games", nargs="*", default=list(GAMES), choices=GAMES, help="by two hosts")
    arguments.add_argument("--rank", type=Path, help=argparse.SUPPRESS)  # a process of ours: where to report
    given = arguments.parse_args()
    if given.rank:
        return exchange(given.rounds, given.rank)
    if reason := unavailable():
        print(reason, file=sys.stderr)
        return 2
    print("| hosts | link | all-reduce of 4 B, ms | of 6 MB, ms | one message, ms | MB/s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for count in given.hosts:
        for name, link in LINKS.items():
            with network(count, link) as made:
                print(f"| {count} | {name} | {all_reduces(made, given.rounds)} |", flush=True)
    print("\n| two hosts | link | images/s | in the exchange |\n| --- | --- | --- | --- |")
    for game in given.games:
        for name, link in LINKS.items():
            with network(2, link) as made:
                print(f"| {game} | {name} | {training(made, game, given.rounds)} |", flush=True)
    return 0


def all_reduces(made: Network, rounds: int) -> str:
    """Cells of one row: the times of two sizes, and what the model's two constants are for them."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "seconds.json")
        on_all_hosts(made, [__file__, "--rounds", str(rounds), "--rank", str(out)])
        found: dict[str, list[float]] = json.loads(out.read_text())
    small, large = (statistics.median(seconds) for seconds in found.values())
    messages = 2 * (made.count - 1)
    link = ModelLink(small / messages, messages * 4 * LARGE / made.count / (large - small))
    cells = [spread([second * 1e3 for second in seconds], ".1f") for seconds in found.values()]
    return " | ".join([*cells, f"{link.latency * 1e3:.2f}", f"{link.bandwidth / 1e6:.0f}"])


def exchange(rounds: int, out: Path) -> int:
    """One of the processes: the mean time of an all-reduce in each round, of two sizes."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    found: dict[int, list[float]] = {}
    for numbers, count in ((SMALL, 20), (LARGE, 4)):
        values = torch.ones(numbers)
        for _ in range(rounds):
            dist.barrier()
            began = time.perf_counter()
            for _ in range(count):
                dist.all_reduce(values)
            found.setdefault(numbers, []).append((time.perf_counter() - began) / count)
    if dist.get_rank() == 0:
        out.write_text(json.dumps(found))
    dist.destroy_process_group()
    return 0


def training(made: Network, game: str, rounds: int) -> str:
    """Cells of one row: images per second, and the share of a step that is spent in the exchange."""
    facts = [trained(made, game) for _ in range(rounds)]
    batch = next(int(word.partition("=")[2]) for word in GAMES[game] if word.startswith("data.batch_size="))
    share = statistics.median(fact["exchange"] / fact["seconds"] for fact in facts)
    return f"{spread([batch / fact['seconds'] for fact in facts], ',.0f')} | {share:.0%}"


def trained(made: Network, game: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        words = [*ALL, *GAMES[game], f"trainer.num_nodes={made.count}", "trainer.devices=1"]
        settings = Path(folder, "settings.json")
        settings.write_text(json.dumps(composed(words, folder)))
        on_all_hosts(made, [str(Path(__file__).with_name("two_processes.py")), "--rank", str(settings), folder])
        facts: dict[str, float] = json.loads(Path(folder, "rank0.json").read_text())
    return facts


def on_all_hosts(made: Network, program: list[str]) -> None:
    """Run a program with one process on each host."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={made.count}", "--nproc-per-node=1"]
    agents = [
        made.start(
            host,
            [*torchrun, f"--node-rank={host - 1}", f"--master-addr={made.master}", f"--master-port={PORT}", *program],
            environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for host in range(1, made.count + 1)
    ]
    codes = [agent.wait(START_SECONDS) for agent in agents]
    if any(codes):
        raise RuntimeError(f"{program} ended with exit codes {codes}")


def spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


if __name__ == "__main__":
    sys.exit(main())
