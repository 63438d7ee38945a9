"""gan.GAN in a Trainer of the user's own: logs, validation, callbacks and strategies of Lightning."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import lightning.pytorch as L
import pytest
import torch
from lightning.pytorch.callbacks import (
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
    RichProgressBar,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger
from plain_networks import pair
from plain_trainers import few, tiny, trainer, weights
from tiny_runs import Play, Rows
from torch.utils.data import DataLoader, TensorDataset

import gan
from gan.data.loaded import LoadedImages
from gan.data.normalization import denormalize
from gan.data.sources import load
from gan.game.latents import Prior
from gan.game.networks import MLPGenerator
from gan.training.callbacks import (
    GameMonitor,
    GameProgress,
    GeneratorBundle,
    LastCheckpoint,
    LossCurves,
    QualityMonitor,
    SampleGrids,
)
from gan.training.callbacks.plain_trainer import SelfLog, ValidationQuality


@pytest.fixture(scope="module")
def digits() -> gan.ImageData:
    """Few enough digits that an epoch is short, and enough held-out ones to measure."""
    loaded = load("mnist_sample", "data", download=False)
    small = LoadedImages(
        loaded.images[:300], loaded.labels[:300], loaded.held_out_images[:250], loaded.held_out_labels[:250],
        "mnist_sample", loaded.class_names, loaded.origin,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gan.data.module.load", lambda *arguments, **options: small)
        data = gan.ImageData("mnist_sample", batch_size=50)
        data.prepare_data()
    return data


# Lightning's own loggers and callbacks


def test_a_dcgan_by_default_with_lightnings_own_callbacks(digits: gan.ImageData, tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path / "best", monitor="quality/fcd")
    callbacks = [best, EarlyStopping("quality/fcd", patience=5), EarlyStopping("epoch/g_loss", patience=5)]
    logger = CSVLogger(tmp_path)
    callbacks += [LearningRateMonitor(), TQDMProgressBar(refresh_rate=0)]
    fit = trainer(
        tmp_path, max_epochs=2, logger=logger, callbacks=callbacks, enable_progress_bar=True, enable_checkpointing=True
    )
    L.seed_everything(0, verbose=False)
    game = gan.GAN()
    fit.fit(game, digits)

    assert [type(network).__name__ for network in (game.generator, game.discriminator)] == [
        "DCGANGenerator",
        "DCGANDiscriminator",
    ]
    assert (game.d_updates, game.g_updates, fit.global_step, game.num_classes) == (12, 12, 12, 10)
    assert game.prior == Prior("normal", 100)
    group = fit.optimizers[0].param_groups[0]
    assert (group["lr"], group["betas"]) == (2e-4, (0.5, 0.999))

    rows = list(csv.DictReader((Path(logger.log_dir) / "metrics.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows if row["train/d_loss"]] == [1, 3, 5, 7, 9, 11]
    assert [float(row["g_updates"]) for row in rows if row["g_updates"]] == [2, 4, 6, 8, 10, 12]
    assert len([row for row in rows if row["epoch/g_loss"]]) == 2
    measured = [float(row["quality/fcd"]) for row in rows if row["quality/fcd"]]
    assert len(measured) == 2
    assert float(best.best_model_score) == pytest.approx(min(measured))
    assert fit.progress_bar_metrics.keys() == {"train/d_loss", "train/g_loss", "quality/fcd"}

    loaded = gan.GAN.load_from_checkpoint(best.best_model_path)
    (validated,) = trainer(tmp_path).validate(loaded, digits, verbose=False)
    assert validated["quality/fcd"] == pytest.approx(min(measured), rel=1e-5)
    (tested,) = trainer(tmp_path).test(loaded, digits, verbose=False)
    assert tested == pytest.approx(validated)


def test_validation_measures_what_the_quality_monitor_measures(digits: gan.ImageData, tmp_path: Path) -> None:
    monitor = QualityMonitor(every=1, n=250)
    game = gan.GAN()
    fit = trainer(tmp_path, callbacks=[monitor])
    fit.fit(game, digits)
    assert "quality/fcd" not in fit.logged_metrics  # not once more by validation
    (validated,) = trainer(tmp_path).validate(game, digits, verbose=False)
    assert validated == pytest.approx({f"quality/{name}": value for name, value in monitor.latest.items()}, rel=1e-5)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_images_are_predicted_from_numbers_and_from_latents(digits: gan.ImageData, tmp_path: Path) -> None:
    game = gan.GAN()
    trainer(tmp_path, fast_dev_run=True).fit(game, digits)
    (images,) = trainer(tmp_path).predict(game, digits)  # type: ignore[misc]
    assert isinstance(images, torch.Tensor)
    assert images.shape == (64, 1, 28, 28)
    assert images.abs().max() <= 1
    z = game.prior.fixed(64, seed=game.seed, purpose="samples from a bundle")
    for batches in (z, torch.arange(64), TensorDataset(z, torch.zeros(64, dtype=torch.int64))):
        (again,) = trainer(tmp_path).predict(game, DataLoader(batches, batch_size=64))  # type: ignore[misc,arg-type]
        assert torch.equal(again, images)  # type: ignore[arg-type]


def test_values_are_logged_only_when_a_row_is_due(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[int] = []
    game, log = tiny(), L.LightningModule.log_dict

    def watched(self: L.LightningModule, *arguments: Any, **options: Any) -> None:
        calls.append(game.turns)
        log(self, *arguments, **options)

    monkeypatch.setattr(L.LightningModule, "log_dict", watched)
    trainer(tmp_path, log_every_n_steps=4, limit_val_batches=0).fit(game, few(monkeypatch))
    assert set(calls) == {4, 6}  # 6: the end of the epoch
    calls.clear()
    trainer(tmp_path, log_every_n_steps=0, limit_val_batches=0).fit(tiny(), few(monkeypatch))
    assert set(calls) <= {6}


def test_the_values_are_those_of_the_game_monitor_which_logs_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain, monitored = Rows(), Rows()
    for rows, callbacks in ((plain, []), (monitored, [GameMonitor()])):
        fit = trainer(tmp_path, logger=rows, callbacks=callbacks, max_epochs=2, limit_val_batches=0)
        fit.fit(tiny(), few(monkeypatch))
        assert bool(fit.logged_metrics) == (rows is plain)
    for name in ("train/d_loss", "train/value", "train/g_gradient_norm", "epoch/g_loss", "images_seen"):
        ours, theirs = ([value for _, value in rows.having(name)] for rows in (plain, monitored))
        assert ours == pytest.approx(theirs, rel=1e-6), name
        assert len(ours) == (2 if name.startswith("epoch") else 6)


def test_a_callback_of_the_users_own_can_take_the_statistics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Own(L.Callback):
        losses: list[float] = []  # noqa: RUF012

        def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
            self.losses.append(pl_module.record.take()["d_loss"].item())

    rows, own = Rows(), Own()
    fit = trainer(tmp_path, logger=rows, callbacks=[own], limit_val_batches=0, log_every_n_steps=1)
    fit.fit(tiny(), few(monkeypatch))
    assert [value for _, value in rows.having("train/d_loss")] == pytest.approx(own.losses)
    assert len(own.losses) == 6


def test_a_resumed_game_goes_on_as_one_that_was_not_interrupted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, half, rest = tiny(), tiny(), tiny()
    data = few(monkeypatch)
    trainer(tmp_path, max_epochs=2).fit(whole, data)
    first = trainer(tmp_path, max_epochs=1)
    first.fit(half, data)
    first.save_checkpoint(tmp_path / "half.ckpt")
    second = trainer(tmp_path, max_epochs=2)
    second.fit(rest, data, ckpt_path=tmp_path / "half.ckpt", weights_only=True)
    assert torch.equal(weights(rest), weights(whole))
    assert (rest.g_updates, second.global_step) == (whole.g_updates, 12)


@pytest.mark.filterwarnings("ignore:You requested to overfit", "ignore:.*does not have many workers")
@pytest.mark.parametrize(
    ("arguments", "updates"),
    [
        ({"fast_dev_run": True}, 1),
        ({"fast_dev_run": 3}, 3),
        ({"overfit_batches": 2, "max_epochs": 3}, 6),
        ({"profiler": "simple"}, 6),
        ({"profiler": "advanced"}, 6),
        ({"max_steps": 4, "max_epochs": -1}, 4),
        ({"precision": "bf16-mixed"}, 6),
        ({"callbacks": [RichProgressBar()], "enable_progress_bar": True}, 6),
        ({"check_val_every_n_epoch": 2, "max_epochs": 2}, 12),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else str(value),
)
def test_options_of_the_trainer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: dict[str, Any], updates: int
) -> None:
    game = tiny()
    trainer(tmp_path, **arguments).fit(game, few(monkeypatch))
    assert (game.d_updates, game.g_updates) == (updates, updates)


def test_why_nothing_is_measured_is_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer(tmp_path, max_epochs=3).fit(tiny(), few(monkeypatch))
    said = [line for line in caplog.messages if "quality" in line]
    assert said == ["quality is not measured: 6 images in the batches, 200 or more needed"]


def test_a_run_of_train_py_has_its_configured_callbacks_alone(play: Play) -> None:
    run = play("trainer.max_epochs=1", "+trainer.fast_dev_run=2")
    assert not run.trainer.enable_validation
    assert not any(isinstance(each, SelfLog | ValidationQuality) for each in run.trainer.callbacks)  # type: ignore[attr-defined]
    assert not run.trainer.logged_metrics


def test_our_callbacks_in_a_trainer_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    generator = MLPGenerator(latent_dim=3, image_shape=(1, 6, 6), hidden=[8])
    game = gan.GAN(generator, pair()[1])
    callbacks = [GeneratorBundle(), LastCheckpoint(), GameProgress(), LossCurves(), SampleGrids(count=4)]
    fit = trainer(tmp_path, callbacks=callbacks, enable_progress_bar=True, enable_checkpointing=True)
    fit.fit(game, few(monkeypatch))
    z = game.prior.fixed(4, seed=0, purpose="samples from a bundle")
    images = gan.load_generator(tmp_path / "generator.safetensors").sample(4)
    assert torch.equal(torch.as_tensor(images), denormalize(generator.eval()(z), 0.5, 0.5, torch.uint8))
    loaded = gan.GAN.load_from_checkpoint(tmp_path / "checkpoints" / "last.ckpt", discriminator=pair()[1])
    assert torch.equal(weights(loaded), weights(game))


def test_no_bundle_of_a_generator_whose_arguments_are_not_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer(tmp_path, callbacks=[GeneratorBundle()], max_epochs=2).fit(tiny(), few(monkeypatch))
    said = [line for line in caplog.messages if "safetensors" in line]
    assert said == ["no generator.safetensors is written: the checkpoint does not know the arguments of Sequential"]
    assert not (tmp_path / "generator.safetensors").exists()


# Strategies


@pytest.fixture
def environment() -> Iterator[None]:
    """Lightning's launcher sets LOCAL_RANK and more."""
    with mock.patch.dict(os.environ):
        yield


@pytest.mark.usefixtures("environment")
def test_lightnings_ddp_is_answered_with_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(gan.GanError, match=r"DDPStrategy given.*strategy=gan\.GameDDP\(\)"):
        trainer(tmp_path, strategy="ddp", devices=1).fit(tiny(), few(monkeypatch))
    game = tiny()
    trainer(tmp_path, strategy=gan.GameDDP(), devices=1).fit(game, few(monkeypatch))
    assert game.g_updates == 6


SCRIPT = """
import json, sys
import gan, lightning

if __name__ == "__main__":
    lightning.seed_everything(0, verbose=False)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    trainer = lightning.Trainer(
        max_epochs=1, devices=2, strategy=gan.GameDDP(), accelerator="cpu", limit_train_batches=3,
        default_root_dir=sys.argv[1], **quiet,
    )
    game = gan.GAN()
    trainer.fit(game, gan.ImageData("mnist_sample"))
    values = {name: float(value) for name, value in trainer.callback_metrics.items()}
    weights = {name: float(value.double().sum()) for name, value in game.generator.named_parameters()}
    with open(f"{sys.argv[1]}/rank{trainer.global_rank}.json", "w") as file:
        json.dump([values, weights, game.images_seen], file)
"""


@pytest.mark.slow
def test_two_processes_started_by_lightning(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, str(script), str(tmp_path)], env=environment, check=True, capture_output=True)
    one, two = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2))
    assert one == two  # values that were logged, the weights, and images of both processes
    assert one[2] == 3 * 64
    assert {"train/d_loss", "epoch/g_loss", "quality/fcd"} <= one[0].keys()
