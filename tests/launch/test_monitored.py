"""What early stopping and checkpoints may monitor is what a run logs; docs/measures.md's promise, as it is typed."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import Compose, Play, few_images
from train_command import train_in

from gan.data.loaded import LoadedImages
from gan.data.sources import load
from gan.launch.monitored import check_monitors, logged_names
from gan.runs.curves import read_curves
from gan.system.errors import ConfigError
from gan.training.build import build_data
from gan.training.callbacks import GameMonitor, QualityMonitor

DOCS = Path(__file__).parent.parent.parent / "docs" / "measures.md"
MNIST = load("mnist_sample")
FEW = replace(
    MNIST,
    images=MNIST.images[:320],
    labels=MNIST.labels[:320],
    held_out_images=MNIST.held_out_images[:250],
    held_out_labels=MNIST.held_out_labels[:250],
)
WATCHED = {
    "monitor": {"_target_": "gan.callbacks.GameMonitor"},
    "quality": {"_target_": "gan.callbacks.QualityMonitor"},
    "rates": {"_target_": "lightning.pytorch.callbacks.LearningRateMonitor"},
}


class Names(L.Callback):
    """All names that were in ``trainer.callback_metrics`` when another callback may have looked at them."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def on_train_batch_end(self, trainer: L.Trainer, *arguments: Any) -> None:
        self.seen.update(trainer.callback_metrics)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.seen.update(trainer.callback_metrics)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["objective=minimax", "model.generator.conditioning=concat"],
        ["objective=wasserstein", "penalty=gradient_penalty"],
        ["objective=hinge", "penalty=r1_r2", "augmentation=adaptive"],
        ["objective=relativistic_average", "penalty=clipping", "ema=standard"],
        ["objective=least_squares", "model.codes.categorical=[3]", "model.codes.continuous=1"],
        [
            "model.generator.conditioning=concat",
            "model.discriminator.conditioning=auxiliary",
            "optimizer.accumulate=2",
        ],
        ["schedule=alternating_epochs"],
        ["data=ring"],
    ],
    ids=" ".join,
)
def test_the_names_that_may_be_monitored_are_those_that_are_logged(
    words: list[str], play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(name: str, *arguments: Any) -> LoadedImages:
        return load(name) if name == "ring" else FEW

    monkeypatch.setattr("gan.data.module.load", loaded)
    names = Names()
    small = ["data.batch_size=5000"] if "data=ring" in words else ["data.batch_size=64"]
    watched = [GameMonitor(), QualityMonitor(every=1, n=200), L.callbacks.LearningRateMonitor(), names]
    run = play(*small, *words, "trainer.max_epochs=2", callbacks=watched)
    settings = {**run.game.hparams, "callbacks": WATCHED}
    assert sorted(names.seen) == sorted(logged_names(settings, run.data))


def test_what_is_not_logged_is_not_offered(compose_settings: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.data.module.load", lambda *arguments: few_images())
    early = ["+callbacks.early._target_=lightning.pytorch.callbacks.EarlyStopping"]
    settings = compose_settings("data=mnist_sample", *early, "+callbacks.early.monitor=quality/fcd")
    data = build_data(settings)
    data.setup()
    with pytest.raises(ConfigError, match=r"^callbacks\.early\.monitor: no such option 'quality/fcd'.* no extractor"):
        check_monitors(settings, data)


def promised() -> list[str]:
    """The words of the command in docs/measures.md that ends a run when quality/fcd gets no better."""
    command = re.search(r"^python train\.py (.*EarlyStopping (?:\\\n)?.*)$", DOCS.read_text(), re.MULTILINE)
    assert command is not None
    return shlex.split(command[1].replace("\\\n", " "))


def test_early_stopping_as_the_page_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its patience, of three, counts measurements, of which there is one every other epoch; the best is kept."""
    distances = [3.0, 2.0, *[5.0] * 20]
    monkeypatch.setattr("gan.data.module.load", lambda *arguments: FEW)
    monkeypatch.setattr(QualityMonitor, "_measure", lambda *arguments: {"fcd": distances.pop(0)})
    train = train_in(tmp_path, monkeypatch, capfd)
    left_out = [f"callbacks.{name}=null" for name in ("projector", "samples", "curves", "alarms", "best")]
    kept = "+callbacks.kept._target_=lightning.pytorch.callbacks.ModelCheckpoint +callbacks.kept.monitor=quality/fcd"
    small = ["data=mnist_sample", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]", "logger=csv"]
    words = [*promised(), *kept.split(), *small, *left_out, "callbacks.quality.every=640", "trainer.max_epochs=30"]
    done = train(*words, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert read_curves(tmp_path / "run" / "metrics.csv")["quality/fcd"].values == [3.0, 2.0, 5.0, 5.0, 5.0]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["ended"]["epochs"] == 10
    (checkpoint,) = (path for path in (tmp_path / "run").rglob("*.ckpt") if path.name != "last.ckpt")
    assert torch.load(checkpoint, weights_only=True)["epoch"] == 3  # the fourth, of the lowest distance
