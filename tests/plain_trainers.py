"""A Trainer, data and a small game, as a stranger would make them for gan.GAN."""

from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from plain_networks import pair
from tiny_runs import few_images

import gan
from gan.data.loaded import LoadedImages
from gan.game.latents import Prior

QUIET: dict[str, Any] = dict.fromkeys(("enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False)


def trainer(folder: Path, **arguments: Any) -> L.Trainer:
    own = {
        "accelerator": "cpu",
        "max_epochs": 1,
        "logger": False,
        "default_root_dir": str(folder),
        "log_every_n_steps": 2,
    }
    return L.Trainer(**{**own, **QUIET, **arguments})


def few(monkeypatch: pytest.MonkeyPatch, loaded: LoadedImages | None = None) -> gan.ImageData:
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: loaded or few_images())
    return gan.ImageData("mnist_sample", batch_size=4)


def tiny(**arguments: Any) -> gan.GAN:
    L.seed_everything(0, verbose=False)
    return gan.GAN(*pair(), prior=Prior("normal", 3), **arguments)


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])
