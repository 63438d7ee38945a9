"""Run folders as a run leaves them, written in a moment: for tests of `gan report`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gan.generators.pictures import png

VERSIONS = {"python": "3.11.7", "torch": "2.12.1", "lightning": "2.6.6"}
MACHINE = {"processor": "AMD EPYC", "device": "CPU (1 thread)", "system": "Linux"}


def write_run(
    folder: Path,
    *,
    seed: int = 0,
    data: str = "mnist",
    lr: float = 1e-3,
    penalty: Mapping[str, Any] | None = None,
    fcd: float | None = None,
    command: Sequence[str] = ("train.py",),
    rows: Sequence[str] = ("100,2.0,1.0", "200,1.0,1.5"),
    ended: bool = True,
) -> Path:
    """One run; ``rows`` are lines of images seen, D's loss and G's loss."""
    (folder / "samples").mkdir(parents=True)
    settings = {
        "seed": seed,
        "run_dir": str(folder),
        "data": {"name": data, "root": "data", "batch_size": 64},
        "penalty": dict(penalty or {"name": "none"}),
        "optimizer": {"_target_": "torch.optim.Adam", "lr": lr, "betas": [0.5, 0.999], "generator": {"lr": lr}},
        "trainer": {"max_epochs": 2, "default_root_dir": str(folder)},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    facts: dict[str, Any] = {
        "command": list(command),
        "started": "2026-01-01T10:00:00+0000",
        "seed": seed,
        "data": {"used": data},
        "versions": VERSIONS,
        "machine": MACHINE,
        "git": {"commit": "abcdef1234567890", "clean": True},
    }
    if ended:
        facts["ended"] = {"seconds": 90.0, "epochs": 2, "g_updates": 1234, "d_updates": 1234, "images_seen": 200}
    (folder / "run.json").write_text(json.dumps(facts))
    text = "images_seen,train/d_loss,train/g_loss\n" + "".join(f"{row}\n" for row in rows)
    (folder / "metrics.csv").write_text(text)
    _write_picture(folder / "samples" / "epoch_0002.png")
    if fcd is not None:
        write_quality(folder, fcd=fcd)
    return folder


def write_quality(folder: Path, **quality: Any) -> None:
    """quality.json with these measures."""
    whole = {"data": "mnist", "n": 10_000, "missing": [], "extractors": {"mnist_classifier": "5" * 64}, **quality}
    (folder / "quality.json").write_text(json.dumps({"seed": 0, "weights_sha256": "7" * 64, "quality": whole}))


def _write_picture(path: Path) -> None:
    import numpy as np

    path.write_bytes(png(np.zeros((1, 4, 4), np.uint8)))
