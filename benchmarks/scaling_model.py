"""What to expect of more processes: images a second, by three constants of a game and two of what lies between them.

    python benchmarks/scaling_model.py --mb 1.5 --batch-size 8 --fixed-ms 2 --us-per-image 2 --latency-us 9 --gb-per-s 9

benchmarks/two_processes.py fills it in for this machine with what it has measured; for any other, give the constants.
"""

import argparse
from typing import NamedTuple

WORLDS = (1, 2, 8, 64)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--mb", type=float, required=True, help="of both networks' gradients")
    arguments.add_argument("--batch-size", type=int, required=True)
    arguments.add_argument("--fixed-ms", type=float, required=True, help="of a minibatch, whatever its size")
    arguments.add_argument("--us-per-image", type=float, required=True)
    arguments.add_argument("--latency-us", type=float, required=True, help="of a message from a process to the next")
    arguments.add_argument("--gb-per-s", type=float, required=True, help="from a process to the next")
    given = arguments.parse_args()
    step = Step(given.fixed_ms / 1e3, given.us_per_image / 1e6, given.mb * 1e6)
    print("\n".join(table(step, Link(given.latency_us / 1e6, given.gb_per_s * 1e9), given.batch_size)))


class Link(NamedTuple):
    """From a process to the next: seconds of a message of no length, and bytes a second."""

    latency: float
    bandwidth: float

    def all_reduce(self, size: float, processes: int) -> float:
        """Seconds of a ring: 2 (n − 1) messages, each of an n-th of the bytes (Patarasuk and Yuan 2009)."""
        messages = 2 * (processes - 1)
        return messages * (self.latency + size / processes / self.bandwidth)


class Step(NamedTuple):
    """Of one device: seconds of a minibatch of no images, seconds of an image, bytes of both networks' gradients."""

    fixed: float
    image: float
    gradients: float

    def seconds(self, images: float) -> float:
        return self.fixed + self.image * images


def table(step: Step, link: Link, batch: int) -> list[str]:
    """A table: images a second by the number of devices: with the minibatch shared by all, and with one for each."""
    lines = [
        f"a minibatch of n images takes {step.fixed * 1e3:.2f} ms + n x {step.image * 1e6:.2f} µs; both networks have "
        f"{step.gradients / 1e6:.2f} MB of gradients; a message takes {link.latency * 1e6:.0f} µs + "
        f"1 s for each {link.bandwidth / 1e9:.2f} GB",
        "| devices | all-reduces, ms | images/s, batch of all "
        f"{batch} | efficiency | images/s, batch of each {batch} | efficiency |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    alone = batch / step.seconds(batch)
    for devices in WORLDS:
        # one for each network
        exchange_ = 2 * link.all_reduce(step.gradients / 2, devices)
        shared = batch / (step.seconds(batch / devices) + exchange_)
        own = devices * batch / (step.seconds(batch) + exchange_)
        cells = [f"{exchange_ * 1e3:.2f}"]
        for rate in (shared, own):
            cells += [f"{rate:,.0f}", f"{rate / alone / devices:.0%}"]
        lines.append(f"| {devices} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
