"""Settings that may differ in a resumed run."""

from collections.abc import Sequence

# Settings that may differ in a resumed run: they change its length and its environment, but not the training.
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


def within(path: str, parts: Sequence[str]) -> bool:
    """Whether a setting is one of these paths, or inside one of these nodes."""
    return any(path == part or path.startswith(f"{part}.") for part in parts)
