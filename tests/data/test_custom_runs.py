"""train.py with images of any source: checked before the run, resumed, and measured or not, as any other dataset."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from gan_command import command_in
from train_command import ROOT, Train, train_in

from gan.config.defaults import completed
from gan.config.validation import validate
from gan.generators.bundle import load_generator
from gan.system.errors import ConfigError
from gan.training.build import build_data

Compose = Callable[..., dict[str, Any]]
OUTSIDER = ROOT / "tests" / "outsider"
TINY = (
    *("model=mlp", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]", "trainer.max_epochs=1"),
    *("accelerator=cpu", "logger=none", "callbacks.samples=null", "callbacks.quality=null"),
)
BARS = ("data=custom", "data._target_=outsider.images.bars", "+data.count=60", "data.batch_size=10")


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Train:
    monkeypatch.syspath_prepend(str(OUTSIDER))
    return train_in(tmp_path, monkeypatch, capfd)


def test_a_run_on_images_of_ones_own(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = train(*BARS, *TINY, "data.flip=true", "run_dir=run")
    assert done.returncode == 0, done.stderr
    told = "outsider.images.bars: 54 images to train on and 6 held out (every tenth of each class), 28 x 28 grey, "
    assert f"{told}2 classes (horizontal," in done.stderr + done.stdout
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["data"]["asked_for"] == facts["data"]["used"] == "outsider.images.bars"
    saved = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["data"]
    assert (saved["count"], saved["size"], saved["batch_size"], saved["held_out"]) == (60, 28, 10, None)
    assert "name" not in saved
    assert load_generator(str(tmp_path / "run")).metadata["data"]["class_names"] == ["horizontal", "vertical"]

    refused = train("resume=run", "trainer.max_epochs=2")
    assert refused.returncode == 2
    assert "data._target_: 'outsider.images.bars' given" in refused.stderr
    assert "trust=[outsider]" in refused.stderr
    assert "data.count: 60 before, 50 given" in train("resume=run", "trust=[outsider]", "data.count=50").stderr
    assert train("resume=run", "trainer.max_epochs=2", "trust=[outsider]").returncode == 0
    assert command_in(tmp_path, monkeypatch)("evaluate", "run") == 2


def test_a_dry_run(train: Train, tmp_path: Path) -> None:
    done = train(f"--config-dir={OUTSIDER / 'conf'}", "data=bars", *TINY, "dry_run=true")
    assert done.returncode == 0, done.stderr
    assert "360 images to train on" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["+data.cuont=3"], "data.cuont: no such setting; did you mean 'count'? settings: batch_size, "),
        (["+data.size=abc"], "data.size: 'abc' given, an integer expected"),
        (["data.batch_size=0"], "data.batch_size: 0 given, 1 or more expected"),
        (["data.held_out=2"], "data.held_out: 2 given, in (0, 1), or null expected"),
        (["data.image_size=5"], "data.image_size: 5 given, 16 to 128 pixels, or null expected"),
        (["data._target_=outsider.images.barz"], "data._target_: 'outsider.images.barz' given, and outsider.images "),
        (["data._target_=nowhere.images"], "data._target_: 'nowhere.images' given, and there is no module 'nowhere'"),
        (["data._target_=torch.zeros"], "data._target_: 'torch.zeros' given, "),
        (["+data.root=here"], "data.root: no such setting; "),
    ],
)  # fmt: skip
def test_mistakes(compose_settings: Compose, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str) -> None:
    monkeypatch.syspath_prepend(str(OUTSIDER))
    with pytest.raises(ConfigError) as error:
        validate(completed(compose_settings(*BARS, *words)))
    assert str(error.value).startswith(message)


def test_a_dataset_class_is_read(compose_settings: Compose) -> None:
    """A class of another package, here torchvision's random images."""
    words = ["data=custom", "data._target_=torchvision.datasets.FakeData", "+data.size=20", "+data.num_classes=3"]
    data = build_data(completed(compose_settings(*words, "data.image_channels=1", "data.image_size=32")))
    data.setup()
    assert data.name == "torchvision.datasets.FakeData"
    assert data.image_shape == (1, 32, 32)
    assert data.num_classes == 3


def test_a_file_of_arrays(train: Train, tmp_path: Path) -> None:
    np.savez(
        tmp_path / "mine.npz", x=torch.randint(0, 256, (40, 16, 16), dtype=torch.uint8).numpy(), y=np.arange(40) % 2
    )
    done = train("data=array", "data.file=mine.npz", "data.batch_size=8", *TINY, "run_dir=run")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "run.json").read_text())["data"]["used"] == "array"
    assert "36 images to train on and 4 held out" in done.stderr + done.stdout
    for words, message in {
        ("data=array",): "data=array: which file? Give data.file=PATH",
        ("data=array", "data.file=nowhere.npz"): "data.file=nowhere.npz: there is no such file",
        ("data=torchvision",): "data=torchvision: which dataset? Give data.dataset=NAME",
        ("data=torchvision", "data.dataset=USSP"): "data.dataset: no such option 'USSP'; did you mean 'USPS'?",
        ("data=ring", "data.flip=true"): "data.flip=True: 'ring' has 2-D points, not images. Leave data.flip out",
    }.items():
        refused = train(*words, *TINY, "run_dir=other")
        assert refused.returncode == 2
        assert refused.stderr.startswith(message)
        assert not (tmp_path / "other").exists()
