"""Training on clusters of the images in place of classes (``model.clusters``)."""

import dataclasses
from pathlib import Path

import lightning.pytorch as L
import numpy as np
import pytest
import torch
from config_problems import problems
from tiny_runs import Compose, Play, few_images
from train_command import train_here

import gan
from gan.game.latents import Prior
from gan.game.networks import MLPDiscriminator, MLPGenerator
from gan.generators.bundle import load_generator

CLUSTERS = (
    "model.clusters=3",
    "model.generator.conditioning=concat",
    "model.discriminator.conditioning=projection",
)


def test_no_label_is_read(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    first = play(*CLUSTERS)
    images = few_images()
    shuffled = images.labels[torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(0))]
    assert not torch.equal(shuffled, images.labels)
    other = dataclasses.replace(images, labels=shuffled)
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: other)
    second = play(*CLUSTERS)
    assert torch.equal(second.data.loaded.labels, shuffled)
    assert first.losses == second.losses
    for name, tensor in first.game.state_dict().items():
        assert torch.equal(tensor, second.game.state_dict()[name])


def test_data_without_classes_in_a_trainer_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = dataclasses.replace(few_images(), class_names=())
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: images)
    data = gan.ImageData("mnist_sample", batch_size=4)
    data.setup()
    prior = Prior("normal", 5).with_clusters(data.find_clusters(3))
    shape = data.image_shape
    generator = MLPGenerator(latent_dim=8, image_shape=shape, hidden=[4], clusters=3, conditioning="concat")
    discriminator = MLPDiscriminator(image_shape=shape, hidden=[4], num_classes=3, conditioning="projection")
    game = gan.GAN(generator, discriminator, prior=prior)
    quiet = dict.fromkeys(("enable_progress_bar", "enable_model_summary", "enable_checkpointing", "logger"), False)
    trainer = L.Trainer(accelerator="cpu", max_epochs=1, default_root_dir=str(tmp_path), limit_val_batches=0, **quiet)  # type: ignore[arg-type]  # of `quiet`, any
    trainer.fit(game, data)
    assert game.num_classes == 3
    assert game.gets_labels == {"generator": False, "discriminator": True}
    assert game.g_updates == 6


@pytest.mark.parametrize("conditioning", ["none", "concat"])
@pytest.mark.parametrize("of_d", ["projection", "concat", "auxiliary", "projection_twin"])
def test_both_networks_see_the_cluster(play: Play, conditioning: str, of_d: str) -> None:
    run = play(
        "model.clusters=3",
        f"model.generator.conditioning={conditioning}",
        f"model.discriminator.conditioning={of_d}",
    )
    assert run.game.prior.clusters == 3
    assert run.game.gets_labels == {"generator": False, "discriminator": True}
    z = run.game.draw_latents(torch.tensor([2, 0, 1, 1]))
    assert run.game.prior.codes(z).categorical[0].tolist() == [2, 0, 1, 1]
    changed = z.clone()
    changed[:, -3:] = changed[:, -3:].roll(1, dims=1)
    assert not torch.allclose(run.game.generator(z), run.game.generator(changed))


def test_the_bundle_is_unconditional_and_draws_clusters_by_their_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("data=mnist_sample", *CLUSTERS, "model.generator.hidden=[8]", "model.discriminator.hidden=[8]")
    short = ("trainer.max_steps=2", "callbacks.quality=null", "callbacks.projector.count=8", "hydra.run.dir=run")
    assert train_here(tmp_path, monkeypatch, *words, *short) == 0
    trained = load_generator(tmp_path / "run")
    assert not trained.conditional
    assert trained.prior.clusters == 3
    drawn = trained.latents(6000, seed=0)[:, -3:].mean(dim=0)
    assert torch.allclose(drawn, torch.tensor(trained.prior.shares), atol=0.03)  # 4 standard errors
    assert trained.sample(5, seed=1).shape == (5, 1, 28, 28)
    with pytest.raises(gan.GanError, match="trained without classes"):
        trained.sample(5, labels=0)

    game = gan.GAN.load_from_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")
    assert game.prior == trained.prior
    z = trained.latents(4, seed=0)
    with torch.no_grad():
        floats = game.final_generator.eval()(z) * 0.5 + 0.5
    images = (floats.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    assert np.abs(images.astype(int) - trained.decode(z).astype(int)).max() <= 1


def test_a_resumed_run_has_the_same_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("data=mnist_sample", *CLUSTERS, "model.generator.hidden=[8]", "model.discriminator.hidden=[8]")
    words += ("callbacks.quality=null", "trainer.limit_train_batches=4")
    assert train_here(tmp_path, monkeypatch, *words, "trainer.max_epochs=2", "hydra.run.dir=whole") == 0
    assert train_here(tmp_path, monkeypatch, *words, "trainer.max_epochs=1", "hydra.run.dir=parts") == 0
    resumed = ("resume=parts", "trainer.max_epochs=2", "resume.allow=[trainer.max_epochs]")
    assert train_here(tmp_path, monkeypatch, *resumed) == 0
    whole, parts = (load_generator(tmp_path / name).generator.state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["model.clusters=3"],
            "needs a discriminator that knows the cluster: model.discriminator",
        ),
        ([*CLUSTERS, "model.clusters=1"], "model.clusters: 1 given; 2 or more expected, or 0 for none"),
        ([*CLUSTERS, "model.codes.continuous=1"], "model.clusters: 3 given, and model.codes are given too"),
        (["data=folder", "data.folder=x", "model.generator.conditioning=concat"], "model.discriminator.conditioning"),
    ],
)
def test_what_does_not_fit_is_said_before_the_start(words: list[str], expected: str, compose_settings: Compose) -> None:
    assert any(expected in problem for problem in problems(compose_settings(*words)))
