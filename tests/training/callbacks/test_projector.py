"""FeatureProjector: D's features of real and fake images, as TensorBoard's projector wants them."""

import functools
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from board_asking import ask
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tiny_runs import Play, few_images

from gan.commands import board
from gan.data.normalization import denormalize, normalize
from gan.data.sources import load
from gan.system.errors import ConfigError
from gan.training.callbacks import FeatureProjector, GameMonitor
from gan.training.callbacks.projector import principal_components, sprite

BOARD = "logger=tensorboard"


def configured(folder: Path) -> ProjectorConfig:
    """What TensorBoard is told, of a run folder."""
    config = ProjectorConfig()
    text_format.Parse((folder / "tensorboard" / "projector_config.pbtxt").read_text(), config)
    return config


def table(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines()]


def test_features_pictures_and_what_is_said_of_them(play: Play) -> None:
    run = play(BOARD, callbacks=[FeatureProjector(count=5)])
    (info,) = configured(run.folder).embeddings
    assert info.tensor_name == f"D's features after {run.game.g_updates} updates"
    logs = run.folder / "tensorboard"

    real = few_images().images[[0, 5, 10, 16, 21]]  # of 22
    z, _ = run.game.fixed_latents(5, "projector")
    discriminator = run.game.discriminator.eval()
    with torch.no_grad():
        fake = run.game.generator.eval()(z)
        seen = torch.stack([normalize(real, 0.5, 0.5), fake], dim=1).flatten(0, 1)  # in turn
        features, logits = discriminator.trunk(seen), discriminator(seen)
    written = np.array(table(logs / info.tensor_path), dtype=np.float32)
    assert np.allclose(written, features, rtol=1e-4, atol=1e-6)

    head, *rows = table(logs / info.metadata_path)
    assert head == ["real or fake", "class", "logit"]
    assert [row[:2] for row in rows[::2]] == [["real", name] for name in ("even", "odd", "even", "even", "odd")]
    assert [row[:2] for row in rows[1::2]] == [["fake", "-"]] * 5
    assert np.allclose([float(row[2]) for row in rows], logits, rtol=1e-2)

    assert list(info.sprite.single_image_dim) == [6, 6]
    with Image.open(logs / info.sprite.image_path) as picture:
        cells = np.asarray(picture).reshape(4, 6, 4, 6).swapaxes(1, 2).reshape(16, 6, 6)
    assert np.array_equal(cells[:10:2], real[:, 0])
    assert np.array_equal(cells[1:10:2], denormalize(fake, 0.5, 0.5)[:, 0])
    assert not cells[10:].any()


def test_wide_features_become_their_principal_components(play: Play) -> None:
    run = play(BOARD, "model.discriminator.hidden=[60]", callbacks=[FeatureProjector(count=30)])  # of 22 images
    (info,) = configured(run.folder).embeddings
    assert info.tensor_name.endswith(" updates, 44 components with 100 % of the variance")
    assert np.array(table(run.folder / "tensorboard" / info.tensor_path)).shape == (44, 44)


def test_components_keep_distances_and_the_most_of_the_variance() -> None:
    drawn = torch.Generator().manual_seed(0)
    features = torch.randn(12, 200, generator=drawn) * torch.linspace(3, 0.1, 200)
    whole, share = principal_components(features, 20)
    assert (whole.shape, share) == ((12, 12), 1.0)
    assert torch.allclose(torch.cdist(whole, whole), torch.cdist(features, features), atol=1e-2)
    few, share = principal_components(features, 3)
    variances = torch.linalg.svdvals(features - features.mean(dim=0)) ** 2
    assert few.shape == (12, 3)
    assert share == pytest.approx(float(variances[:3].sum() / variances.sum()), abs=1e-4)
    assert principal_components(torch.ones(4, 60), 50)[1] == 1.0
    narrow = torch.ones(4, 3)
    assert principal_components(narrow, 50)[0] is narrow


def test_each_k_epochs_and_the_newest_first(play: Play) -> None:
    run = play(BOARD, "trainer.max_epochs=3", callbacks=[FeatureProjector(count=4, every=2)])
    steps = run.game.g_updates // 3
    names = [info.tensor_name for info in configured(run.folder).embeddings]
    assert names == [f"D's features after {updates} updates" for updates in (3 * steps, 2 * steps)]


def test_what_an_abandoned_continuation_left_goes(play: Play) -> None:
    run = play(BOARD, callbacks=[FeatureProjector(count=4)])
    later = run.folder / "tensorboard" / "projector" / "update_0000099"
    (run.folder / "tensorboard" / "projector" / f"update_{run.game.g_updates:07d}").rename(later)
    run = play(BOARD, callbacks=[FeatureProjector(count=4)])
    assert not later.exists()
    assert len(configured(run.folder).embeddings) == 1


@pytest.mark.parametrize("conditioning", ["projection", "concat", "auxiliary", "projection_twin"])
def test_of_a_conditional_game_the_classes_that_were_asked_for(play: Play, conditioning: str) -> None:
    conditional = ["model.generator.conditioning=concat", f"model.discriminator.conditioning={conditioning}"]
    run = play(BOARD, *conditional, callbacks=[FeatureProjector(count=4)])
    (info,) = configured(run.folder).embeddings
    _, *rows = table(run.folder / "tensorboard" / info.metadata_path)
    assert [row[:2] for row in rows[1::2]] == [["fake", name] for name in ("even", "odd", "even", "odd")]


def test_a_discriminator_that_must_be_told_a_class_of_fakes_that_have_none(play: Play) -> None:
    play(BOARD, "model.discriminator.conditioning=concat", callbacks=[FeatureProjector(count=4)])


def test_points_of_the_plane_have_no_pictures(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.data.module.load", load)
    few = ["data=ring", "data.batch_size=100", "trainer.limit_train_batches=2"]
    run = play(BOARD, *few, callbacks=[FeatureProjector(count=20)])
    (info,) = configured(run.folder).embeddings
    assert not info.HasField("sprite")
    assert np.array(table(run.folder / "tensorboard" / info.tensor_path)).shape == (40, 8)


def test_training_is_the_same_with_it_and_without(play: Play) -> None:
    dropout = ("model.generator.dropout=0.5", "model.discriminator.dropout=0.3")
    with_it = play(BOARD, *dropout, callbacks=[FeatureProjector(count=4, every=1)])
    assert with_it.losses == play(*dropout).losses


def test_without_tensorboard_nothing_is_written(play: Play) -> None:
    run = play("logger=csv", callbacks=[GameMonitor(), FeatureProjector(count=4)])
    assert not list(run.folder.rglob("projector*"))


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 1001}, {"every": 0}])
def test_settings_out_of_range(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))}: "):
        FeatureProjector(**wrong)


def test_a_sprite_is_square() -> None:
    assert sprite(np.zeros((5, 3, 4, 4), np.uint8)).shape == (3, 12, 12)
    assert sprite(np.zeros((9, 1, 4, 4), np.uint8)).shape == (1, 12, 12)


def test_tensorboard_serves_all_of_it(play: Play) -> None:
    run = play(BOARD, callbacks=[GameMonitor(), FeatureProjector(count=5)])
    url = board.launch(run.folder, host="127.0.0.1", port=0)
    of_run = functools.partial(ask, url, "projector", run="tensorboard")

    (info,) = json.loads(of_run("info"))["embeddings"]
    name = info["tensorName"]
    assert info["tensorShape"] == [10, 8]
    assert len(np.frombuffer(of_run("tensor", name=name), np.float32)) == 80
    assert of_run("metadata", name=name).startswith(b"real or fake\tclass\tlogit\nreal\teven\t")
    assert Image.open(io.BytesIO(of_run("sprite_image", name=name))).size == (24, 24)
