"""`gan explore`: rows of directions, as a picture and as an array."""

import json
from pathlib import Path

import numpy as np
import pytest
from gan_command import GanCommand
from PIL import Image
from tiny_bundles import codes_bundle

from gan.generators.bundle import load_generator
from gan.generators.latent_directions import rows_from
from gan.generators.pictures import labelled_rows


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("kind", ["pca", "random"])
def test_a_picture_and_an_array_of_rows(run: Path, tmp_path: Path, gan: GanCommand, kind: str) -> None:
    call = ("explore", run, "--directions", kind, "--count", 3, "--columns", 5, "--reach", 2, "--seed", 7)
    assert gan(*call, "--scale", 3) == 0
    assert gan(*call, "--out", "x.npy", "--gray-r") == 0
    generator = load_generator(run)
    z = generator.latents(1, 7)[0]
    rows = rows_from(z, generator.generator, generator.prior, kind, count=3, columns=5, reach=2, seed=7)
    images = {row.name: generator.decode(row.z) for row in rows}
    assert np.array_equal(pixels(tmp_path / "explore.png"), labelled_rows(images, scale=3)[0])
    assert np.array_equal(np.load(tmp_path / "x.npy"), 255 - np.stack(list(images.values())))


def test_codes_by_name(tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    run = codes_bundle(tmp_path)
    assert gan("explore", run, "--directions", "codes", "--columns", 5, "--out", "x.npy") == 0
    expected = "row 1: categorical code 1, 0 … 2\nrow 2: continuous code 1, -2 … 2\nrow 3: continuous code 2, -2 … 2\n"
    assert capsys.readouterr().out == expected + "seed 0: x.npy\n"
    images = np.load(tmp_path / "x.npy")
    assert images.shape == (3, 5, 1, 4, 5)
    assert not images[0, 3:].any()  # three classes, and room for five images


def test_a_class(clothes: Path, tmp_path: Path, gan: GanCommand) -> None:
    for out, of_class in (("0.npy", []), ("2.npy", ["--class", "sandal"])):
        assert gan("explore", clothes, "--columns", 3, "--out", out, *of_class) == 0
    generator = load_generator(clothes)
    for label in (0, 2):
        middle = np.load(tmp_path / f"{label}.npy")[:, 1]
        expected = generator.sample(1, labels=label)
        assert np.abs(middle.astype(int) - expected.astype(int)).max() <= 1


def test_json(run: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("explore", run, "--count", 1, "--columns", 2, "--json") == 0
    expected = {"out": "explore.png", "seed": 0, "rows": [{"name": "principal 1", "at": [-3.0, 3.0]}]}
    assert json.loads(capsys.readouterr().out) == expected


def test_an_array_is_not_enlarged_and_missing_directions_are_said(
    run: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("explore", run, "--out", "x.npy", "--scale", 3) == 2
    assert capsys.readouterr().err.startswith("--scale: only a picture is enlarged, and --out is x.npy")
    assert gan("explore", run, "--count", 256) == 0
    told = capsys.readouterr()
    assert told.err == f"--count: 256 given; this generator has {told.out.count('row ')} directions\n"


def test_names_stand_to_the_left_of_their_rows() -> None:
    images = np.full((3, 3, 8, 8), 99, np.uint8)
    picture = labelled_rows({"a": images, "a longer name": images[:1]}, scale=2)
    margin = picture.shape[2] - (3 * 8 + 2 * 2) * 2
    for top, name_ends in ((0, 20), (20, margin)):
        letters = np.flatnonzero(picture[0, top : top + 16, :margin].max(axis=0) > 200)
        assert 8 <= letters.min() < letters.max() < name_ends
    assert (picture[:, :16, -16:] == 99).all()
    assert (picture[:, 20:, margin : margin + 16] == 99).all()
    assert not picture[:, 20:, -16:].any()  # the second row has one image
