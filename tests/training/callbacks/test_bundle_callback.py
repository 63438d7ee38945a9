"""GeneratorBundle: the generator alone, after every epoch, as `gan sample` takes it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as L
import numpy as np
import pytest
import torch
from tiny_runs import IMAGES, Play

from gan.data.normalization import denormalize
from gan.generators.bundle import load_generator
from gan.training.callbacks import GeneratorBundle
from gan.training.callbacks.bundle import _origin


@pytest.mark.parametrize("prior", ["normal", "uniform"])
@pytest.mark.parametrize("pixel_range", [(), ("data.mean=0", "data.std=1")])
def test_the_bundle_makes_the_images_of_the_trained_generator(
    play: Play, prior: str, pixel_range: tuple[str, ...]
) -> None:
    run = play(f"model.prior={prior}", "model.generator.dropout=0.5", *pixel_range, callbacks=[GeneratorBundle()])
    trained = load_generator(run.folder)
    z = trained.latents(6, seed=1)
    assert (z.min() >= -1 and z.max() <= 1) == (prior == "uniform")
    with torch.no_grad():
        fake = run.game.generator.eval()(z)
    assert np.array_equal(trained.sample(6, seed=1), denormalize(fake, run.data.mean, run.data.std).numpy())


def test_its_metadata_says_what_it_is_and_where_it_comes_from(play: Play) -> None:
    run = play("seed=5", "schedule.n_critic=3", callbacks=[GeneratorBundle()])
    metadata = load_generator(run.folder).metadata
    del metadata["sha256"]
    assert metadata == {
        "format": 2,
        "family": "mlp",
        "settings": {
            "hidden": [8],
            "activation": "leaky_relu",
            "negative_slope": 0.2,
            "normalization": "none",
            "dropout": 0.0,
            "conditioning": "none",
        },
        "latent_dim": 3,
        "prior": "normal",
        "codes": {"categorical": [], "continuous": 0},
        "num_classes": 0,
        "points": False,
        "quality": None,
        "image_shape": [1, 6, 6],
        "mean": 0.5,
        "std": 0.5,
        "data": {"name": "few", "origin": "a few random images", "class_names": ["even", "odd"]},
        "trained": {"epochs": 2, "g_updates": 4, "d_updates": 12, "images_seen": 2 * IMAGES, "seed": 5},
    }


def test_it_is_there_after_every_epoch_with_the_weights_of_that_time(play: Play) -> None:
    class Look(L.Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.current_epoch > 0:
                bundle = load_generator(trainer.default_root_dir)
                epochs.append(bundle.metadata["trained"]["epochs"])
                pairs = zip(bundle.generator.parameters(), pl_module.generator.parameters(), strict=True)
                equal.append(all(torch.equal(saved, live) for saved, live in pairs))

    epochs: list[int] = []
    equal: list[bool] = []
    run = play("trainer.max_epochs=3", callbacks=[GeneratorBundle(), Look()])
    assert epochs == [1, 2]
    assert equal == [True, True]
    assert load_generator(run.folder).metadata["trained"]["epochs"] == 3


def test_the_generator_goes_on_training(play: Play) -> None:
    class Modes(L.Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            modes.append(pl_module.generator.training)
            gradients.append(all(p.requires_grad for p in pl_module.generator.parameters()))

    modes: list[bool] = []
    gradients: list[bool] = []
    play(callbacks=[GeneratorBundle(), Modes()])
    assert modes == gradients == [True, True]


def test_it_does_not_say_where_the_images_lie_on_this_machine(tmp_path: Path) -> None:
    for root, folder in ((tmp_path / "data", None), (tmp_path / "data", tmp_path / "my pictures")):
        place = folder or root / "MNIST" / "raw"
        data = SimpleNamespace(
            root=str(root), folder=folder, origin=f"some set, from {place} (verified): {place} lacks x"
        )
        relative = place.relative_to(tmp_path)
        assert _origin(data) == f"some set, from {relative} (verified): {relative} lacks x"
