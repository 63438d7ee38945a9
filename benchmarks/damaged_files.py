"""Damage a bundle and a checkpoint in thousands of ways, and read each as a user would.

    python benchmarks/damaged_files.py RUN --files 10000

RUN is a run folder. Half of the files are bundles, half checkpoints. Every second checkpoint gets the correct sha256 of
its damaged bytes, as an attacker would do. Each file must be refused with one message, or read as what was saved. A
separate process reads them; its largest memory is printed.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

# after the path is set: from a checkout, without an installation
from damage import KINDS, damage  # noqa: E402

from gan import load_generator  # noqa: E402
from gan.runs.checkpoint_file import sealed  # noqa: E402
from gan.runs.checkpoint_io import load  # noqa: E402
from gan.runs.comparison import differing  # noqa: E402
from gan.system.errors import GanError  # noqa: E402


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--files", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    chance = random.Random(given.seed)
    found: Counter[str] = Counter()
    bundle = (given.run / "generator.safetensors").read_bytes()
    checkpoint = (given.run / "checkpoints" / "last.ckpt").read_bytes()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        read_bundle(Path(given.run / "generator.safetensors"))
        before = peak()
        for number in range(given.files):
            kind = chance.choice(KINDS)
            if number % 2:
                path = Path(folder) / "generator.safetensors"
                path.write_bytes(damage(bundle, kind, chance))
                found.update([f"bundle {outcome(read_bundle, path)}"])
            else:
                path = Path(folder) / "last.ckpt"
                damaged = damage(checkpoint, kind, chance)
                path.write_bytes(sealed(damaged) if number % 4 else damaged)
                found.update([f"checkpoint {outcome(read_checkpoint, path)}"])
            path.unlink()
    facts = {
        **found,
        "bytes of a bundle": len(bundle),
        "bytes of a checkpoint": len(checkpoint),
        "peak memory before, MB": before,
        "peak memory after, MB": peak(),
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(facts, indent=2))
    return int(any("crash" in what for what in found))


def outcome(read: Callable[[Path], None], path: Path) -> str:
    try:
        read(path)
    except GanError as error:
        return "refused in one line" if "\n" not in str(error) else "crash: several lines"
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return f"crash: {type(error).__name__}"
    return "read"


def read_bundle(path: Path) -> None:
    load_generator(path)


def read_checkpoint(path: Path) -> None:
    assert differing(load(path), {}) != []


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000


if __name__ == "__main__":
    sys.exit(main())
