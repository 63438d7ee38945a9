"""Settings that may differ in a resumed run, and those that a run was resumed with."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gan.config.option_names import option_name

# They change the length of a run and its environment, but not the training.
FREE = (
    "callbacks",
    "logger",
    "dry_run",
    "data.root",
    "data.download",
    "data.on_missing",
    *(f"trainer.{name}" for name in ("max_epochs", "max_steps", "max_time", "log_every_n_steps", "profiler")),
    *(f"trainer.enable_{name}" for name in ("progress_bar", "model_summary", "checkpointing")),
)
LENGTH = ("trainer.max_epochs", "trainer.max_steps")  # a learning-rate schedule depends on them


def free_settings(settings: Mapping[str, Any]) -> list[str]:
    """The settings of `FREE`; without the length of the run if the learning rates depend on it."""
    return [name for name in FREE if name not in LENGTH or not has_lr_schedule(settings)]


def has_lr_schedule(settings: Mapping[str, Any]) -> bool:
    """Whether the learning rates depend on the length of the run."""
    node = settings.get("lr_schedule")
    return isinstance(node, dict) and option_name("lr_schedule", node) != "none"


def changed_when_resumed(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The changes that affect the training, as "optimizer.lr: 0.1 -> 0.2", each after this many generator updates.

    Args:
        facts: run.json, which can be of another version. settings: config.yaml.
    """
    free, parts = free_settings(settings), facts.get("resumed")
    for part in parts if isinstance(parts, list) else ():
        for what in part.get("changed") or () if isinstance(part, dict) else ():
            if not within(str(what).partition(":")[0], free):
                yield part.get("g_updates", 0), str(what)


def within(path: str, parts: Sequence[str]) -> bool:
    """Whether a setting is one of these paths, or inside one of these nodes."""
    return any(path == part or path.startswith(f"{part}.") for part in parts)
