"""The examples of docs/from_python.md, run as they stand there, on few images."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from gan.data.loaded import LoadedImages
from gan.data.sources import load

ROOT = Path(__file__).parent.parent


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def few_digits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LoadedImages:
    """For every dataset: enough digits for two minibatches of 64, and enough held-out ones for the metrics."""
    found = load("mnist_sample", "data", download=False)
    few = LoadedImages(
        found.images[:128], found.labels[:128], found.held_out_images[:220], found.held_out_labels[:220],
        "mnist_sample", found.class_names, found.origin,
    )  # fmt: skip
    for place in ("gan.data.module.load", "gan.data.sources.load"):
        monkeypatch.setattr(place, lambda *arguments, **options: few)
    monkeypatch.chdir(tmp_path)
    return few


def test_the_example_of_gan_train() -> None:
    example = examples("docs/from_python.md")[0]
    defined: dict[str, Any] = {}
    exec(example.replace("experiment=quickstart", "model=mlp"), defined)  # a recipe of seconds instead of minutes
    run = defined["run"]
    assert len([loss for loss in run.metrics["epoch/d_loss"] if not math.isnan(loss)]) == 3
    assert run.quality["quality/fcd"] > 0
    assert defined["images"].shape == (16, 1, 28, 28)


@pytest.mark.filterwarnings("ignore:The number of training batches", "ignore:.*lightning_logs", "ignore:Checkpoint dir")
def test_the_lightning_example(capsys: pytest.CaptureFixture[str]) -> None:
    example = examples("docs/from_python.md")[1]
    defined: dict[str, Any] = {}
    exec(example, defined)  # the reader's own script
    # loaded from the best epoch, of two minibatches each
    assert defined["game"].g_updates in range(2, 12, 2)
    assert defined["images"].shape == (64, 1, 28, 28)
    assert "quality/fcd" in capsys.readouterr().out  # the table of `trainer.test`


def test_the_example_without_lightning(capsys: pytest.CaptureFixture[str]) -> None:
    example = examples("docs/from_python.md")[2]
    assert len(example.splitlines()) <= 21
    defined: dict[str, Any] = {}
    exec(example, defined)  # the reader's own script
    game = defined["game"]
    assert (game.turns, game.d_updates, game.g_updates, game.images_seen) == (10, 10, 10, 640)
    assert len(capsys.readouterr().out.splitlines()) == 5
    saved = torch.load("generator.pt", weights_only=True)
    assert all(torch.equal(saved[name], value) for name, value in game.generator.state_dict().items())
