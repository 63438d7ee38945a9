"""Class folders called by numbers: whichever way a class is asked for, it is the one of that name."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gan_command import command_in
from PIL import Image
from tiny_bundles import conditional_bundle

from gan.commands.arguments import classes
from gan.demo.model import Model
from gan.generators.bundle import load_generator
from gan.generators.trained_generator import TrainedGenerator
from gan.report.loading_code import usage
from gan.system.errors import GanError

EARLIER = ("1", "10", "2")  # the order in which a bundle of an earlier version has its folders


@pytest.fixture
def trained(tmp_path: Path) -> TrainedGenerator:
    return load_generator(conditional_bundle(tmp_path, EARLIER))


def images_of(trained: TrainedGenerator, number: int) -> np.ndarray:
    return trained.decode(trained.latents(2, 0), torch.full((2,), number))


def test_a_bundle_of_an_earlier_version_keeps_its_order(trained: TrainedGenerator) -> None:
    assert trained.class_names == EARLIER
    for number, name in enumerate(EARLIER):
        assert np.array_equal(trained.sample(2, labels=name), images_of(trained, number))
    with pytest.raises(GanError, match=r"^class 2: the number is ambiguous, .*; give a name, as text classes"):
        trained.sample(2, labels=2)
    walked = trained.latent_walk([0, 0], steps=2, labels=["2", "10"])
    assert np.array_equal(walked[[0, -1]], [images_of(trained, 2)[0], images_of(trained, 1)[0]])


def test_names_with_commas_are_found_in_a_list() -> None:
    names = ("a=b,c", "cat's", "a=b")
    assert classes("a=b,c,cat's", names) == ["a=b,c", "cat's"]
    assert classes("cat's, a=b,cat's", names) == ["cat's", "a=b", "cat's"]
    assert classes("a=b,c", names) == "a=b,c"
    assert classes("0,1", names) == ["0", "1"]


def test_commands(trained: TrainedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gan = command_in(tmp_path, monkeypatch)
    assert gan("sample", "run", "--n", "2", "--labels", "2", "--out", "two.npy") == 0
    assert np.array_equal(np.load(tmp_path / "two.npy"), images_of(trained, 2))
    assert gan("sample", "run", "--n", "2", "--labels", "0", "--out", "none.npy") == 2
    assert gan("explore", "run", "--count", "1", "--out", "explored.npy") == 0
    assert gan("interpolate", "run", "--seeds", "0,1", "--class", "2,10", "--out", "walk.npy") == 0
    Image.fromarray(images_of(trained, 2)[0, 0]).save(tmp_path / "mine.png")
    assert gan("invert", "run", "mine.png", "--class", "2", "--steps", "1") == 0


def test_the_demo_and_the_card(trained: TrainedGenerator) -> None:
    model = Model("mine", trained)
    view = model.view({"class": "2", "count": "2"})
    assert np.array_equal(model.images(view), images_of(trained, 2))
    assert model.walk(view, to=1, steps=2).shape[0] == 1
    with pytest.raises(GanError, match="class '0': there is no such class"):
        model.images(model.view({"class": "0"}))
    assert "labels='1'" in usage(trained, {"generator.safetensors": ""})
