"""Write the tables and the plot of docs/performance.md from the results of benchmarks/speed.py.

python benchmarks/speed_page.py benchmarks/results/speed.json
"""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
TITLES = {"a": "tutorial's loop", "b": "bare loop", "c": "train.py", "d": "Lightning example"}
BEGIN, END = "<!-- written by `make bench` -->", "<!-- to here -->"

Results = Mapping[str, Sequence[Mapping[str, float]]]


def tables(facts: Mapping[str, Any]) -> str:
    """Medians, ratios within rounds with minimum and maximum, memory and seconds outside training; Markdown."""
    results: Mapping[str, Results] = facts["results"]
    head = ["recipe", *(f"{key}: {title}" for key, title in TITLES.items()), "c/a", "c/b", "c/d", "over b"]
    speeds = [
        [name, *map(speed(of), TITLES), *map(ratio(of), "abd"), overhead(name, of)] for name, of in results.items()
    ]
    costs = [[name, *(cost(of, key) for key in TITLES)] for name, of in results.items() if "a" in of]
    machine = f"{facts['machine']}, {facts['threads']} threads, Python {facts['python']}, torch {facts['torch']}."
    parts = [markdown([head, *speeds]), machine]
    if costs:
        head = ["peak memory; seconds outside training", *TITLES.values()]
        parts.append(markdown([head, *costs]))
    return "\n\n".join(parts)


def speed(of: Results) -> Any:
    return lambda key: f"{median(of, key):,.0f}" if key in of else ""


def ratio(of: Results) -> Any:
    def text(key: str) -> str:
        if key not in of:
            return ""
        pairs = zip(of["c"], of[key], strict=True)
        ratios = [ours["images_per_second"] / theirs["images_per_second"] for ours, theirs in pairs]
        return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"

    return text


def overhead(name: str, of: Results) -> str:
    """Microseconds per batch more than in the bare loop: medians; includes the ends of epochs and of the run."""
    batch = batch_size(name)
    each = [1e6 * batch / median(of, key) for key in "cb"]
    return f"{each[0] - each[1]:,.0f} µs of {each[0]:,.0f}"


def batch_size(name: str) -> int:
    _, _, given = name.partition("batch ")
    return int(given) if given else 32 if name.startswith("slides") else 64


def cost(of: Results, key: str) -> str:
    peak, seconds = (statistics.median(row[what] for row in of[key]) for what in ("peak_mb", "other_seconds"))
    return f"{peak:,.0f} MB, {seconds:.1f} s"


def median(of: Results, key: str) -> float:
    return statistics.median(row["images_per_second"] for row in of[key])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *others))


def write(facts: Mapping[str, Any]) -> None:
    """Replace the tables and the plot of docs/performance.md."""
    page = DOCS / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    picture = "![Images per second of each loop](images/speed.png)"
    page.write_text(f"{before}{BEGIN}\n\n{tables(facts)}\n\n{picture}\n\n{END}{after}")
    draw(facts["results"], DOCS / "images" / "speed.png")


def draw(results: Mapping[str, Results], path: Path) -> None:
    """Bars for each system with all loops, as multiples of the tutorial's; and c/b over batch sizes."""
    from matplotlib.figure import Figure

    raced = {name: of for name, of in results.items() if "a" in of}
    batches = sorted(
        (batch_size(name), of) for name, of in results.items() if name.startswith("kaggle, batch") or name == "kaggle"
    )
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    bars, line = figure.subplots(1, 2, width_ratios=(2, 1))
    for place, (key, title) in enumerate(TITLES.items()):
        heights = [median(of, key) / median(of, "a") for of in raced.values()]
        bars.bar([system + 0.2 * (place - 1.5) for system in range(len(raced))], heights, 0.18, label=title)
    bars.set_xticks(range(len(raced)), raced)
    bars.set_ylabel("images/s, tutorial's loop = 1")
    bars.set_ylim(0, 1.25 * bars.get_ylim()[1])
    bars.legend(fontsize="small", loc="upper right", ncols=2)
    line.plot([size for size, _ in batches], [median(of, "c") / median(of, "b") for _, of in batches], marker="o")
    line.axhline(1.0, color="grey", linestyle=":")
    line.set_xscale("log", base=2)
    line.set_xticks([size for size, _ in batches], [str(size) for size, _ in batches])
    line.set_ylim(0, 1.1)
    line.set_xlabel("batch size (kaggle)")
    line.set_ylabel("train.py / bare loop")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text()))
