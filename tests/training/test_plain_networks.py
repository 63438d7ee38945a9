"""gan.GAN with networks and loaders of the user's own, in a Trainer of the user's own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from plain_networks import ConditionalDiscriminator, ConditionalGenerator, pair
from plain_trainers import few, tiny, trainer, weights
from tiny_runs import few_images
from torch.utils.data import DataLoader, TensorDataset

import gan
from gan.data.loaded import LoadedImages
from gan.game.latents import Prior
from gan.game.penalties import GradientPenalty
from gan.training.callbacks import Alarms, FeatureProjector, SampleGrids


@pytest.mark.filterwarnings("ignore:You defined a `validation_step`", "ignore:.*does not have many workers")
@pytest.mark.parametrize("loader", ["pairs", "images"])
def test_any_pair_of_modules_and_any_loader(tmp_path: Path, loader: str) -> None:
    images, labels = (few_images().images / 127.5 - 1)[:16], few_images().labels[:16]
    dataset: Any = images if loader == "images" else TensorDataset(images, labels)
    given: Any = DataLoader(dataset, batch_size=8)
    game = tiny(penalty=GradientPenalty())
    before = weights(game.generator), weights(game.discriminator)
    trainer(tmp_path, limit_val_batches=0, max_epochs=2).fit(game, given)
    assert (game.g_updates, game.images_seen, game.conditional) == (4, 32, False)
    assert not torch.equal(before[0], weights(game.generator))
    assert not torch.equal(before[1], weights(game.discriminator))


def test_networks_that_take_labels_get_those_of_the_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    generator, discriminator = ConditionalGenerator(), ConditionalDiscriminator()
    game = gan.GAN(generator, discriminator)
    logger = TensorBoardLogger(tmp_path)
    callbacks = [SampleGrids(count=8), Alarms(count=8), FeatureProjector(count=4)]
    fit = trainer(tmp_path, logger=logger, callbacks=callbacks)
    fit.fit(game, few(monkeypatch))
    assert game.prior == Prior("normal", 3)  # its attribute latent_dim
    assert game.conditional
    assert set(generator.seen) == {0, 1}
    assert set(discriminator.seen) == {0, 1}
    assert (tmp_path / "samples" / "epoch_0001.png").exists()


def test_labels_of_data_without_classes_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = few_images()
    unlabelled = LoadedImages(
        found.images, 0 * found.labels, found.held_out_images, 0 * found.held_out_labels, "few", (), "few"
    )
    with pytest.raises(
        gan.GanError, match="generator: ConditionalGenerator needs labels, and the data have no classes"
    ):
        trainer(tmp_path).fit(gan.GAN(ConditionalGenerator(), pair()[1]), few(monkeypatch, unlabelled))
    discriminator = ConditionalDiscriminator()  # labels=None by default
    generator = pair()[0]
    callbacks = [SampleGrids(count=8), Alarms(count=8)]
    game = gan.GAN(generator, discriminator, prior=Prior("normal", 3))
    trainer(tmp_path, callbacks=callbacks).fit(game, few(monkeypatch, unlabelled))
    assert game.g_updates == 6
    assert discriminator.seen == []


def test_a_features_page_needs_features(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = TensorBoardLogger(tmp_path)
    trainer(tmp_path, logger=logger, callbacks=[FeatureProjector(count=4)]).fit(tiny(), few(monkeypatch))
    assert "callbacks.projector: Sequential has no method `features`; no features are written" in caplog.messages
    assert not list(tmp_path.rglob("projector"))
