"""`gan invert`: pictures, their images beside them, and the latents."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gan_command import GanCommand
from PIL import Image

from gan import load_generator
from gan.generators.inversion import invert
from gan.generators.pictures import grid, png, to_pillow

QUICK = ("--steps", 20, "--restarts", 2)


@pytest.fixture
def pictures(run: Path, tmp_path: Path) -> np.ndarray:
    """1.png and 2.png, two images of the generator itself."""
    images = load_generator(run).sample(2, seed=3)
    for number, image in enumerate(images, start=1):
        to_pillow(image).save(tmp_path / f"{number}.png")
    return images


def test_pictures_images_and_latents(
    run: Path, pictures: np.ndarray, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("invert", run, "1.png", "2.png", *QUICK, "--seed", 4, "--scale", 2) == 0
    found = [invert(load_generator(run), picture, steps=20, restarts=2, seed=4) for picture in pictures]
    pairs = np.stack([pictures[0], found[0].image, pictures[1], found[1].image])
    assert (tmp_path / "inverted.png").read_bytes() == png(grid(pairs, columns=4, scale=2))
    assert np.array_equal(np.load(tmp_path / "inverted.npy"), np.stack([one.z.numpy() for one in found]))
    first, second, last, code = capsys.readouterr().out.splitlines()
    assert code == "in Python: generator.decode(torch.tensor(numpy.load('inverted.npy')))"
    assert first == f"1.png: error {found[0].error:.4f} (at the start {found[0].error_of_nearest:.4f})"
    assert second.startswith("2.png: error ")
    assert last.endswith("seed 4: inverted.png; latents: inverted.npy")


def test_the_code_that_is_told_gives_the_images_of_the_classes_that_were_found(
    clothes: Path, pictures: np.ndarray, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("invert", clothes, "1.png", "2.png", *QUICK, "--class", "sandal", "--scale", 1) == 0
    code = capsys.readouterr().out.splitlines()[-1].removeprefix("in Python: ")
    images = eval(code, {"generator": load_generator(clothes), "torch": torch, "numpy": np})
    shown = np.asarray(Image.open(tmp_path / "inverted.png").convert("L"))
    pairs = [image for picture, found in zip(pictures, images, strict=True) for image in (picture, found)]
    assert np.array_equal(shown, grid(np.stack(pairs), columns=4, scale=1)[0])


def test_json_with_a_class(
    clothes: Path, pictures: np.ndarray, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("invert", clothes, "1.png", *QUICK, "--class", "sandal", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["out"], told["latents"], told["seed"]) == ("inverted.png", "inverted.npy", 0)
    (one,) = told["pictures"]
    assert (one["picture"], one["class"]) == ("1.png", "Sandal")
    assert one["error"] == min(one["errors"]) < one["error_of_nearest"]


def test_a_picture_is_made_as_the_generators_are(
    run: Path, pictures: np.ndarray, tmp_path: Path, gan: GanCommand
) -> None:
    """Another size, in colour, dark on white."""
    big = 255 - np.repeat(np.repeat(pictures[0][0], 10, axis=0), 10, axis=1)
    Image.fromarray(big).convert("RGB").save(tmp_path / "big.png")
    assert gan("invert", run, "big.png", "--gray-r", *QUICK, "--scale", 1) == 0
    with Image.open(tmp_path / "inverted.png") as picture:
        shown = np.asarray(picture)[:, :5].astype(int)
    assert np.abs(shown - pictures[0][0]).mean() < 40  # it was blurred on the way
    assert gan("invert", run, "1.png", *QUICK) == 2  # inverted.png is there
    assert gan("invert", run, "1.png", *QUICK, "--force") == 0
