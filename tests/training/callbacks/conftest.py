"""A short run with callbacks around the game, on whatever images."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from option_classes import build_discriminator, build_generator
from sampled_runs import Train

from gan.data.module import ImageData
from gan.game.gradients import UpdateRule
from gan.game.latents import Prior
from gan.training.module import GAN


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """``train(data, SampleGrids(…))``: a short run on these data, in ``tmp_path``; three minibatches an epoch."""

    def trained(
        data: ImageData,
        *callbacks: L.Callback,
        conditioning: str = "none",
        epochs: int = 2,
        resume: bool = False,
        loggers: Sequence[Any] = (),
    ) -> GAN:
        L.seed_everything(0, verbose=False)
        data.setup()
        about = {"image_shape": data.image_shape, "num_classes": data.num_classes}
        rule = UpdateRule(functools.partial(torch.optim.Adam, lr=0.01))
        game = GAN(
            build_generator("mlp", latent_dim=3, hidden=[8], conditioning=conditioning, **about),
            build_discriminator("mlp", hidden=[8], conditioning=conditioning, **about),
            prior=Prior("normal", 3),
            generator_rule=rule,
            discriminator_rule=rule,
            num_classes=data.num_classes,
        )
        trainer = L.Trainer(
            default_root_dir=str(tmp_path),
            accelerator="cpu",
            max_epochs=epochs,
            limit_train_batches=3,
            logger=list(loggers),
            callbacks=list(callbacks),
            **dict.fromkeys(("enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False),
            log_every_n_steps=1,
        )
        trainer.fit(game, datamodule=data, ckpt_path=tmp_path / "saved.ckpt" if resume else None)
        return game

    return trained
