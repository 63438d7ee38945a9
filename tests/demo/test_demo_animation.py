"""The animation of an interpolation that the page saves."""

import io
from pathlib import Path

import numpy as np
import pytest
from asking import Asker, Serve
from PIL import Image
from test_demo_models import large_bundle
from tiny_bundles import conditional_bundle, points_bundle

from gan.demo import model


@pytest.fixture
def ask(serve: Serve, tmp_path: Path) -> Asker:
    """Model 0 has three classes, 1 makes points, 2 has large images of four channels."""
    return serve(
        [
            conditional_bundle(tmp_path / "clothes", ("Bag", "Coat", "Dress")),
            points_bundle(tmp_path / "points"),
            large_bundle(tmp_path / "large", 64),
        ]
    )


def animation(ask: Asker, query: str) -> Image.Image:
    answer = ask(f"/api/walk.gif?{query}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/gif")
    return Image.open(io.BytesIO(answer.content))


def frames(picture: Image.Image) -> list[np.ndarray]:
    found = []
    for number in range(picture.n_frames):
        picture.seek(number)
        found.append(np.asarray(picture.convert("L")).astype(int))
    return found


def test_it_goes_from_the_pictures_of_a_seed_to_those_of_the_next_and_back(ask: Asker) -> None:
    asked = "model=0&count=4&columns=2&class=1"
    found = frames(animation(ask, f"{asked}&seed=3&to=4&steps=5&fps=10"))
    assert len(found) == 10
    for number, seed in ((0, 3), (5, 4)):
        shown = ask(f"/api/images.png?{asked}&seed={seed}").pixels
        scale = found[0].shape[0] // shown.shape[0]
        assert scale > 1
        assert np.abs(found[number] - shown.repeat(scale, 0).repeat(scale, 1)).max() == 0
    assert all(np.array_equal(found[number], found[-number]) for number in range(1, 5))
    walked = np.split(ask(f"/api/walk.png?{asked}&seed=3&to=4&steps=5").pixels, 5)
    assert np.array_equal(found[2][::scale, ::scale], walked[2])


@pytest.mark.parametrize(("fps", "milliseconds"), [("", 430), ("&fps=10", 600), ("&fps=30", 240)])
def test_it_repeats_without_a_pause_and_has_the_speed_of_the_page(ask: Asker, fps: str, milliseconds: int) -> None:
    picture = animation(ask, f"model=0&count=1&steps=3{fps}")
    assert picture.info["loop"] == 0
    durations = []
    for number in range(picture.n_frames):
        picture.seek(number)
        durations.append(picture.info["duration"])
    assert len(durations) == 6
    assert sum(durations) == milliseconds  # 14 frames per second are 71.4 ms each; GIF counts hundredths of a second
    assert max(durations) - min(durations) <= 10


def test_the_same_request_has_the_same_bytes(ask: Asker) -> None:
    path = "/api/walk.gif?model=0&count=2&seed=7&to=8&steps=4"
    assert ask(path).content == ask(path).content


def test_a_large_animation_is_enlarged_less(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = animation(ask, "model=2&count=1&steps=2").width
    monkeypatch.setattr(model, "MOST_VALUES", 4 * (4 * 64 * 64) * 2**2)  # 4 frames, each pixel 2 x 2
    assert (usual, animation(ask, "model=2&count=1&steps=2").width) == (512, 128)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("count=256&steps=120", "steps: 120 of 256 images given; at most 8192 images expected"),
        ("steps=121", "steps: '121' given; an integer from 1 to 120 expected"),
        ("steps=0", "steps: '0' given; an integer from 1 to 120 expected"),
        ("fps=31", "fps: '31' given; a number from 1 to 30 expected"),
        ("fps=nan", "fps: 'nan' given; a number from 1 to 30 expected"),
        ("to=-1", "to: '-1' given; an integer from 0 to 9007199254740991 expected"),
        ("count=0", "count: '0' given; an integer from 1 to 256 expected"),
        ("class=Hat", "class 'Hat': there is no such class; "),
        ("model=1", "walk: this generator generates 2-D points, not images"),
        ("model=9", "model: 9 given; 0 … 2 expected"),
    ],
)
def test_a_wrong_request_is_refused(ask: Asker, query: str, told: str) -> None:
    answer = ask(f"/api/walk.gif?{query}")
    assert answer.status == 400
    assert answer.error.startswith(told)
