"""Models on the page: what the controls do to the pictures, walks, neighbours, bundles that a page sends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from asking import Asker, Serve
from option_classes import FAMILIES, build_generator, option_file
from tiny_bundles import SETTINGS, codes_bundle, conditional_bundle, craft, metadata, points_bundle, whole_bundle
from torch import nn

from gan.config.kinds import given_arguments
from gan.data.sources import load
from gan.demo import model
from gan.demo.model import Model
from gan.demo.training_images import TrainingImages, TrainingSets
from gan.game.latents import Prior
from gan.generators.bundle import FILE_NAME, describe, load_generator, save_bundle
from gan.generators.latent_directions import principal_directions
from gan.generators.pictures import grid
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError

CLOTHES = ("Bag", "Coat, long", "<b>Sandal</b>")


@pytest.fixture
def ask(serve: Serve, tmp_path: Path) -> Asker:
    """Model 0 takes no classes, 1 has three, 2 has codes, 3 makes points."""
    return serve(
        [
            whole_bundle(tmp_path / "plain").parent,
            conditional_bundle(tmp_path / "clothes", CLOTHES),
            codes_bundle(tmp_path / "codes"),
            points_bundle(tmp_path / "points"),
        ]
    )


def test_images_are_those_of_gan_sample(ask: Asker, tmp_path: Path) -> None:
    images = load_generator(tmp_path / "plain" / "run").sample(6, seed=5, truncation=0.5)
    shown = ask("/api/images.png?model=0&seed=5&count=6&columns=3&truncation=0.5").pixels
    assert np.array_equal(shown, grid(images, columns=3)[0])


def test_a_class_by_name(ask: Asker, tmp_path: Path) -> None:
    generator = load_generator(tmp_path / "clothes" / "run")
    for query, labels in (("", None), ("&class=Coat%2C+long", 1), ("&class=2", 2)):
        shown = ask(f"/api/images.png?model=1&count=3&columns=3{query}").pixels
        assert np.array_equal(shown, grid(generator.sample(3, labels=labels), columns=3)[0])


def test_a_slider_moves_along_its_direction(ask: Asker, tmp_path: Path) -> None:
    generator = load_generator(tmp_path / "plain" / "run")
    direction = principal_directions(generator.generator, generator.prior)[1]
    expected = generator.decode(generator.latents(2, 0) - 1.5 * direction)
    shown = ask("/api/images.png?model=0&count=2&columns=2&directions=,-1.5").pixels
    assert np.array_equal(shown, grid(expected, columns=2)[0])
    assert not np.array_equal(shown, ask("/api/images.png?model=0&count=2&columns=2").pixels)


def test_codes_are_set_or_left_as_drawn(ask: Asker, tmp_path: Path) -> None:
    generator = load_generator(tmp_path / "codes" / "run")
    z = generator.latents(4, 0)
    z[:, 6:9] = torch.tensor([0.0, 0.0, 1.0])
    z[:, 10] = -2.0
    shown = ask("/api/images.png?model=2&count=4&columns=4&categorical=2&continuous=,-2").pixels
    assert np.array_equal(shown, grid(generator.decode(z), columns=4)[0])


def test_a_walk_goes_from_the_pictures_of_a_seed_to_those_of_the_next(ask: Asker) -> None:
    asked = "model=1&count=4&columns=2&class=1"
    frames = ask(f"/api/walk.png?{asked}&seed=3&to=4&steps=5").pixels
    first, one_back = np.split(frames, 5)[0], np.split(frames, 5)[4]
    assert np.array_equal(first, ask(f"/api/images.png?{asked}&seed=3").pixels)
    to = ask(f"/api/images.png?{asked}&seed=4").pixels.astype(int)
    assert np.abs(one_back - to).mean() < np.abs(first - to).mean() / 2


def test_points_are_scattered_and_neither_walk_nor_have_neighbours(ask: Asker) -> None:
    assert ask("/api/images.png?model=3&count=50").pixels.shape == (320, 320, 3)
    for path in ("walk.png", "nearest"):
        answer = ask(f"/api/{path}?model=3")
        assert answer.status == 400
        assert "this generator generates 2-D points" in answer.error


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("model?model=4", "model: 4 given; 0 … 3 expected"),
        ("images.png?seed=-1", "seed: '-1' given; an integer from 0 to 9007199254740991 expected"),
        ("images.png?seed=1e3", "seed: '1e3' given; an integer from 0 to 9007199254740991 expected"),
        ("images.png?count=257", "count: '257' given; an integer from 1 to 256 expected"),
        ("images.png?truncation=nan", "truncation: 'nan' given; a number from 0.01 to 1 expected"),
        ("images.png?directions=4", "directions: '4' given; a number from -3 to 3 expected"),
        ("images.png?directions=1,1,1,1,1,1,1,1,1", "directions: 9 given; at most 8 expected"),
        ("images.png?model=2&categorical=3", "categorical: '3' given; an integer from 0 to 2 expected"),
        ("images.png?class=1", "class: this generator was trained without classes; a class cannot be requested"),
        ("images.png?model=1&class=Bags", "class 'Bags': there is no such class; did you mean 'Bag'? "),
        ("walk.png?count=256&steps=120", "steps: 120 of 256 images given; at most 8192 images expected"),
        ("nearest?index=0", "nearest training images: this bundle does not name its training data"),
        ("images.png?seed=0&clas=3", "clas: no such parameter; did you mean 'class'? parameters: model, seed, count, "),
        ("model?model=0&seed=0", "seed: no such parameter; parameters: model"),
        ("grid.png?index=0", "index: no such parameter; parameters: run, grid"),
        ("run", "run: no run is watched here; gan watch RUN shows one"),
    ],
)
def test_a_parameter_that_is_out_of_its_range(ask: Asker, path: str, told: str) -> None:
    answer = ask(f"/api/{path}")
    assert answer.status == 400
    assert answer.error.startswith(told)


def large_bundle(folder: Path, side: int, channels: int = 4) -> Path:
    """A small network whose images are large."""
    shape, settings = (channels, side, side), {**SETTINGS, "hidden": [1]}
    generator = build_generator("mlp", latent_dim=2, image_shape=shape, **settings)
    described = describe("mlp", settings, prior=Prior("normal", 2), image_shape=shape, mean=0.5, std=0.5)
    save_bundle(folder / "run" / FILE_NAME, generator, described)
    return folder / "run"


def test_large_images_are_few_and_made_a_few_at_a_time(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 4 x 64 x 64; with the bounds as they are the same holds of 4 x 1024 x 1024: 8 of them, 7 at a time."""
    monkeypatch.setattr(model, "MOST_VALUES", 8 * 4 * 64 * 64)
    monkeypatch.setattr(model, "MOST_AT_ONCE", 3 * (2 * 4 * 64 * 64 + 1))
    folder, made = large_bundle(tmp_path, 64), []
    ask = serve([folder])
    told = ask("/api/model").json
    assert told["most"] == {"images": 8, "walked": 8}
    forward = type(load_generator(folder).generator).forward
    monkeypatch.setattr(
        type(load_generator(folder).generator), "forward", lambda self, z: made.append(len(z)) or forward(self, z)
    )
    picture = ask("/api/images.png?columns=8").pixels  # as many as there may be, where a page asks for no number
    assert picture.shape == (64, 8 * 66 - 2, 4)
    assert made == [3, 3, 2]
    assert ask("/api/walk.png?count=2&steps=4").status == 200
    assert ask("/api/images.png?count=9").error == "count: '9' given; an integer from 1 to 8 expected"
    assert ask("/api/walk.png?count=3&steps=3").error == "steps: 3 of 3 images given; at most 8 images expected"
    assert max(made) == 3


def test_a_network_that_puts_out_too_much_for_one_image_is_not_opened(
    ask: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "MOST_AT_ONCE", 2 * 4 * 64 * 64)
    large = (large_bundle(tmp_path, 64) / FILE_NAME).read_bytes()
    answer = ask("/api/models?name=large", method="POST", body=large)
    assert answer.status == 400
    assert answer.error == (
        "large: its layers have up to 32,769 output values for one image of 4 x 64 x 64; a page allows at most "
        "32,768. Use gan sample instead"
    )
    assert len(ask("/api/pages").json["models"]) == 4


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layers_put_out_no_more_than_is_counted(family: str) -> None:
    settings = given_arguments(option_file("model", family)["generator"])
    settings |= {"hidden": [64, 64]} if family == "mlp" else {}
    generator = build_generator(family, latent_dim=8, image_shape=(3, 32, 32), **settings)
    largest: list[int] = []
    for layer in generator.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            layer.register_forward_hook(lambda layer, given, output: largest.append(output.numel()))
    generator(torch.randn(1, 8))
    described = describe(family, settings, prior=Prior("normal", 8), image_shape=(3, 32, 32), mean=0.5, std=0.5)
    counted = model._values_put_out(TrainedGenerator(generator, described))
    assert sum(largest) <= counted < 30 * sum(largest)


def test_what_a_page_is_told_of_a_model(ask: Asker) -> None:
    plain, clothes, codes, points = (ask(f"/api/model?model={number}").json for number in range(4))
    assert clothes["classes"] == list(CLOTHES)
    assert plain["classes"] == []
    assert plain["truncation"]
    assert [slider["name"] for slider in plain["sliders"]] == [f"principal {1 + i}" for i in range(8)]
    assert codes["choices"] == [{"name": "categorical code 1", "classes": 3}]
    assert codes["sliders"][-1] == {"name": "continuous code 2", "kind": "continuous", "reach": 2.0}
    assert points["points"]


def test_a_bundle_that_a_page_sends_is_one_more_model(ask: Asker, tmp_path: Path) -> None:
    content = (tmp_path / "clothes" / "run" / FILE_NAME).read_bytes()
    sent = ask("/api/models?name=../mine.safetensors", method="POST", body=content).json
    assert (sent["model"], sent["models"][-1]) == (4, ".._mine.safetensors")
    images = [ask(f"/api/images.png?model={number}").content for number in (1, 4)]
    assert images[0] == images[1]


def test_a_wrong_bundle_gives_a_message(ask: Asker, tmp_path: Path) -> None:
    craft(tmp_path / "odd.safetensors", family="other")
    for content, told in (
        (b"", "mine: "),
        (b"PK\x03\x04 not a bundle", "mine: "),
        ((tmp_path / "odd.safetensors").read_bytes(), "mine: network family 'other'; known: "),
    ):
        answer = ask("/api/models?name=mine", method="POST", body=content)
        assert answer.status == 400
        assert answer.error.startswith(told)
        assert "/tmp" not in answer.error
    assert len(ask("/api/pages").json["models"]) == 4


def test_pages_do_not_send_files_without_end(ask: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.demo.model_cache.MOST_SENT", 1)
    content = (tmp_path / "plain" / "run" / FILE_NAME).read_bytes()
    assert ask("/api/models?name=a", method="POST", body=content).status == 200
    answer = ask("/api/models?name=b", method="POST", body=content)
    assert answer.error == "b: 1 files were uploaded already; give more files on the command line"


def test_a_bundle_is_opened_anew_once_it_has_changed(ask: Asker, tmp_path: Path) -> None:
    path = tmp_path / "plain" / "run" / FILE_NAME
    before = ask("/api/images.png").content
    generator = load_generator(path).generator
    for parameter in generator.parameters():
        parameter.neg_()
    save_bundle(path, generator, metadata())
    assert ask("/api/images.png").content != before
    path.write_bytes(b"broken")
    answer = ask("/api/images.png")
    assert answer.status == 400
    assert answer.error.startswith(f"{path}: ")


def test_the_nearest_training_images_and_how_near_is_usual(
    ask: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load("mnist_sample")
    copied = data.images[77].numpy()
    monkeypatch.setattr(TrainedGenerator, "image_shape", (1, 28, 28))
    monkeypatch.setattr(Model, "images", lambda self, view: np.stack([copied] * view.count))
    monkeypatch.setattr("gan.demo.training_images.data_name_of", lambda metadata: "mnist_sample")
    found = ask("/api/nearest?index=3").json
    assert [one["distance"] for one in found["neighbours"]] == sorted(one["distance"] for one in found["neighbours"])
    assert found["neighbours"][0]["distance"] < 1e-3 < found["usual"]["least"] < found["usual"]["median"]
    assert found["neighbours"][0]["image"] == found["image"]
    assert found["neighbours"][0]["class"] == data.class_names[int(data.labels[77])]


def test_neighbours_are_those_of_the_whole_distance_matrix() -> None:
    data = load("fashion_sample")
    images = TrainingImages(data, (1, 28, 28))
    image = data.held_out_images[5]
    distances = ((data.images.double() - image.double()) / 255).square().mean((1, 2, 3)).sqrt()
    expected = distances.sort().values[:4].tolist()
    assert [one.distance for one in images.nearest(image.numpy(), 4)] == pytest.approx(expected, abs=1e-4)


def test_a_set_is_made_to_have_the_size_and_channels_of_the_generated_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainedGenerator, "image_shape", (3, 16, 16))
    generator = load_generator(whole_bundle(tmp_path))
    generator.metadata["data"] = {"name": "mnist_sample"}
    found = TrainingSets(tmp_path).of(generator)
    assert found.nearest(np.zeros((3, 16, 16), np.uint8), 1)[0].image.shape == (3, 16, 16)
    monkeypatch.setattr(TrainedGenerator, "image_shape", (1, 4, 5))
    with pytest.raises(GanError, match=r"the images of mnist_sample are \(1, 28, 28\), the generated ones \(1, 4, 5\)"):
        TrainingSets(tmp_path).of(generator)
