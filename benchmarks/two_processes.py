"""What a second process gives on this machine, where the rest goes, and what that says of more of them.

    python benchmarks/two_processes.py --rounds 5
    python benchmarks/two_processes.py --memory       # of `python train.py trainer.devices=2`, Linux

Each round trains every game in four ways, one after the other: by one process with one thread and with two, by two
processes of one thread, and by one thread with the half of a minibatch that each of the two has. The table at the end
of each game is benchmarks/scaling_model.py's, for the constants measured.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from scaling_model import Link, Step, table

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
GAMES = {
    "mlp, batch 64": ("model=mlp", "data.batch_size=64"),
    "mlp, batch 1024": ("model=mlp", "data.batch_size=1024"),
    "dcgan, batch 64": ("model=dcgan", "data.batch_size=64"),
}
ALL = ("data=mnist_sample", "accelerator=cpu", "callbacks=none", "logger=none", "trainer.max_epochs=100000")
WARM_UP, SECONDS, AT_LEAST = 30, 4.0, 20


class Way(NamedTuple):
    """How a game is played: processes, threads of each, and whether with half the minibatch."""

    processes: int
    threads: int
    half: bool = False


ONE_ONE, ONE_TWO, TWO_ONE, HALF = Way(1, 1), Way(1, 2), Way(2, 1), Way(1, 1, half=True)
WAYS = {
    ONE_ONE: "one process, one thread",
    ONE_TWO: "one process, two threads",
    TWO_ONE: "two processes, one thread each",
    HALF: "one process, one thread, half the minibatch",
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--games", nargs="*", default=list(GAMES), choices=GAMES)
    arguments.add_argument("--memory", action="store_true", help="measure the memory of train.py instead")
    arguments.add_argument("--rank", nargs=2, help=argparse.SUPPRESS)  # a process of ours: settings, where to report
    given = arguments.parse_args()
    if given.rank:
        return train(Path(given.rank[0]), Path(given.rank[1]))
    if given.memory:
        for devices in (1, 2):
            shared, resident = peak_memory("data=mnist", "model=mlp", f"trainer.devices={devices}")
            print(f"trainer.devices={devices}: {shared:,.0f} MB; sum of the resident sizes {resident:,.0f} MB")
        return 0
    link = measured_link()
    print(f"all-reduce between two processes of this machine (gloo): {link.latency * 2e6:.0f} µs for nothing, ", end="")
    print(f"{link.bandwidth / 1e9:.2f} GB/s for much")
    for name in given.games:
        taken = measured(name, given.rounds)
        print("\n".join(report(name, taken, link)), flush=True)
    return 0


def peak_memory(*words: str) -> tuple[float, float]:
    """The largest memory of train.py and its processes, in MB: shared pages counted once (PSS), or for each process."""
    more = ["accelerator=cpu", "trainer.max_epochs=1", "trainer.limit_train_batches=200", "callbacks.quality=null"]
    largest = (0.0, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "train.py"), *words, *more, f"hydra.run.dir={folder}/run"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            largest = max(largest, memory(process.pid))
            time.sleep(0.2)
    return largest


def memory(pid: int) -> tuple[float, float]:
    """PSS and resident size of a process and all below it, in MB; 0 for those that have ended meanwhile."""
    shared = resident = 0.0
    with suppress(OSError):
        sizes = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        shared, resident = (float(sizes[name].split()[0]) / 1024 for name in ("Pss", "Rss"))
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                below = memory(int(child))
                shared, resident = shared + below[0], resident + below[1]
    return shared, resident


class Taken(NamedTuple):
    """Medians over the rounds of what minibatches took, in seconds.

    Attributes:
        rounds: of each way, the seconds of a minibatch in each round.
        exchange: of a minibatch, in which the two processes exchanged gradients, waiting for each other included.
        gradients: bytes of both networks' gradients. batch: images in a minibatch.
    """

    rounds: dict[Way, list[float]]
    exchange: float
    gradients: int
    batch: int

    def median(self, way: Way) -> float:
        return statistics.median(self.rounds[way])


def measured(name: str, rounds: int) -> Taken:
    seconds: dict[Way, list[float]] = {way: [] for way in WAYS}
    exchanges, facts = [], {}
    for _ in range(rounds):
        for way in WAYS:
            facts = play(GAMES[name], way)
            seconds[way].append(facts["seconds"])
            exchanges += [facts["exchange"]] if way.processes > 1 else []
    return Taken(seconds, statistics.median(exchanges), facts["gradients"], batch_of(GAMES[name]))


def batch_of(words: tuple[str, ...]) -> int:
    return next(int(word.partition("=")[2]) for word in words if word.startswith("data.batch_size="))


def play(words: tuple[str, ...], way: Way) -> dict[str, Any]:
    """Train for some seconds, in processes of its own; what rank 0 says of it."""
    own = [*ALL, *words, f"trainer.devices={way.processes}"]
    if way.half:
        own.append(f"data.batch_size={batch_of(words) // 2}")
    with tempfile.TemporaryDirectory() as folder:
        settings, out = Path(folder, "settings.json"), Path(folder, "rank0.json")
        settings.write_text(json.dumps(composed(own, folder)))
        environment = {**os.environ, "OMP_NUM_THREADS": str(way.threads), "PYTHONPATH": str(ROOT)}
        arguments = ["--rank", str(settings), folder]
        if way.processes == 1:
            subprocess.run([sys.executable, __file__, *arguments], env=environment, check=True)
        else:
            begin = (
                f"import sys; from gan.launch.launcher import launch; sys.exit(launch([{__file__!r}], {arguments}, 2))"
            )
            subprocess.run([sys.executable, "-c", begin], env=environment, check=True)
        facts: dict[str, Any] = json.loads(out.read_text())
    return facts


def composed(words: list[str], folder: str) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose(
            "config", list({word.partition("=")[0]: word for word in [*words, f"run_dir={folder}"]}.values())
        )
    settings: Any = OmegaConf.to_container(config, resolve=True)
    return {name: node for name, node in settings.items() if name != "resume"}


def train(settings_file: Path, out: Path) -> int:
    """One process: train, and say how long a minibatch took, and how much of that was the exchange of gradients."""
    import lightning.pytorch as L

    from gan.training import build
    from gan.training.strategy import GameDDP

    spent = [0.0]
    average = GameDDP.average_gradients

    def timed(self: GameDDP, optimizer: Any) -> None:
        began = time.perf_counter()
        average(self, optimizer)
        spent[0] += time.perf_counter() - began

    GameDDP.average_gradients = timed  # type: ignore[method-assign]  # the clock around it is this script's alone

    class Clock(L.Callback):
        count, began, seconds, exchange = 0, 0.0, 0.0, 0.0

        def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
            self.count += 1
            if self.count == WARM_UP:
                self.began, spent[0] = time.perf_counter(), 0.0
            done, passed = self.count - WARM_UP, time.perf_counter() - self.began
            if done < AT_LEAST or done % AT_LEAST:
                return
            if trainer.strategy.reduce_boolean_decision(passed > SECONDS, all=False):  # all ranks end together
                self.seconds, self.exchange, trainer.should_stop = passed / done, spent[0] / done, True

    build.set_up_process()
    settings = json.loads(settings_file.read_text())
    data = build.build_data(settings)
    data.setup()
    game = build.build_game(settings, data)
    trainer, clock = build.build_trainer(settings), Clock()
    trainer.callbacks.append(clock)  # type: ignore[attr-defined]  # a list, which Lightning does not annotate
    trainer.fit(game, datamodule=data)
    if trainer.is_global_zero:
        gradients = sum(p.numel() * p.element_size() for p in game.parameters() if p.requires_grad)
        facts = {"seconds": clock.seconds, "exchange": clock.exchange, "gradients": gradients}
        (out / "rank0.json").write_text(json.dumps(facts))
    return 0


def measured_link() -> Link:
    """Of two processes of this machine that do nothing else."""
    times = {}
    for size in (1, 4_000_000):
        code = f"import two_processes; two_processes.exchange({size})"
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "exchange.py")
            script.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n{code}\n")
            begin = (
                "import sys; from gan.launch.launcher import launch; "
                f"sys.exit(launch([{str(script)!r}], [{folder!r}], 2))"
            )
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
            subprocess.run([sys.executable, "-c", begin], env=environment, check=True)
            times[size] = float(Path(folder, "seconds").read_text())
    latency = times[1] / 2  # two messages
    return Link(latency, 4 * 4_000_000 / (times[4_000_000] - times[1]))


def exchange(numbers: int) -> None:
    """One of two processes: the median time of an all-reduce of so many float32."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    values, seconds = torch.ones(numbers), []
    for _ in range(200 if numbers == 1 else 30):
        dist.barrier()
        began = time.perf_counter()
        dist.all_reduce(values)
        seconds.append(time.perf_counter() - began)
    if dist.get_rank() == 0:
        Path(sys.argv[1], "seconds").write_text(str(statistics.median(seconds)))
    dist.destroy_process_group()


def report(name: str, taken: Taken, link: Link) -> list[str]:
    """What was measured of a game, where the time of two processes goes, and the model."""
    lines = [f"\n{name}: images/s, median (lowest to highest) of {len(taken.rounds[ONE_ONE])} rounds"]
    for way, text in WAYS.items():
        images = taken.batch // 2 if way.half else taken.batch
        rates = sorted(images / seconds for seconds in taken.rounds[way])
        lines.append(f"  {statistics.median(rates):>9,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})  {text}")
    pairs = zip(taken.rounds[ONE_TWO], taken.rounds[TWO_ONE], strict=True)
    ratios = sorted(one / two for one, two in pairs)
    lines.append(
        f"  two processes against two threads: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    whole, both, half = (taken.median(way) * 1e3 for way in (ONE_ONE, TWO_ONE, HALF))
    exchange_ = taken.exchange * 1e3
    lines += [
        f"  a minibatch by two processes: {both:.2f} ms; half of one thread's {whole:.2f} ms is {whole / 2:.2f} ms",
        f"    {half - whole / 2:+.2f} ms  half a minibatch does not take half the time ({half:.2f} ms)",
        f"    {exchange_:+.2f} ms  gradients exchanged, waiting for each other included",
        f"    {both - half - exchange_:+.2f} ms  two busy cores slow each other, and the rest",
    ]
    per_image = (whole - half) / (taken.batch / 2) / 1e3
    step = Step(max(0.0, whole / 1e3 - per_image * taken.batch), per_image, taken.gradients)
    return [*lines, *table(step, link, taken.batch)]


if __name__ == "__main__":
    sys.exit(main())
