"""A trained generator as one file: there and back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from option_classes import FAMILIES, build_generator
from tiny_bundles import SETTINGS, SHAPE, make_generator, metadata, whole_bundle, write_format_1
from torch import nn

from gan.game.latents import Prior
from gan.generators import bundle_file
from gan.generators.bundle import FILE_NAME, FORMAT, add_quality, describe, load_generator, save_bundle
from gan.system.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return whole_bundle(tmp_path)


@pytest.mark.parametrize("prior", ["normal", "uniform"])
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.5), (0.0, 1.0)])
def test_a_loaded_generator_makes_the_images_of_the_saved_one(
    tmp_path: Path, prior: str, mean: float, std: float
) -> None:
    generator = make_generator()
    save_bundle(tmp_path / FILE_NAME, generator, metadata(prior, mean, std))
    z = Prior(prior, 16).fixed(20, seed=3, purpose="samples from a bundle")
    with torch.no_grad():
        floats = generator.eval()(z) * std + mean
    by_hand = (floats.clamp(0, 1) * 255).round().to(torch.uint8).numpy()

    images = load_generator(tmp_path / FILE_NAME).sample(20, seed=3)
    assert images.dtype == np.uint8
    assert images.shape == (20, 1, 4, 5)
    assert np.abs(images.astype(int) - by_hand.astype(int)).max() <= 1  # the order of operations may round otherwise
    assert (images == by_hand).mean() > 0.99
    assert images.std() > 5


def test_weights_come_back_to_the_bit(bundle: Path) -> None:
    loaded = load_generator(bundle).generator.state_dict()
    saved = make_generator().state_dict()
    assert list(loaded) == list(saved)
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_weights_of_another_precision_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    save_bundle(tmp_path / FILE_NAME, make_generator().to(dtype), metadata())
    loaded = load_generator(tmp_path / FILE_NAME).generator.state_dict()
    expected = make_generator().to(dtype).float().state_dict()
    assert all(torch.equal(loaded[name], expected[name]) for name in expected)


KINDS: dict[str, dict[str, Any]] = {
    "mlp": {**SETTINGS, "normalization": "batch"},
    "dcgan": {"base_channels": 4, "normalization": "instance"},
    "resnet": {"base_channels": 4},
    "r3gan": {"base_channels": 4},
}


def test_every_family_is_tried() -> None:
    assert tuple(KINDS) == FAMILIES


@pytest.mark.parametrize("conditioning", ["none", "concat"])
@pytest.mark.parametrize("family", KINDS)
def test_every_family_comes_back_with_all_of_its_state(tmp_path: Path, family: str, conditioning: str) -> None:
    settings = {**KINDS[family], "conditioning": conditioning}
    classes = 0 if conditioning == "none" else 3
    generator = build_generator(family, latent_dim=5, image_shape=(1, 28, 28), num_classes=classes, **settings).eval()
    prior = Prior("normal", 5)
    described = describe(family, settings, prior=prior, image_shape=(1, 28, 28), mean=0.5, std=0.5, num_classes=classes)
    save_bundle(tmp_path / FILE_NAME, generator, described)
    trained = load_generator(tmp_path / FILE_NAME)
    z, labels = torch.randn(4, 5), torch.tensor([0, 1, 2, 0]) % max(classes, 1)
    with torch.no_grad():
        assert torch.equal(trained.generator(z, labels), generator(z, labels))
    # built on the meta device: a buffer outside the state_dict would have no values
    tensors = [*trained.generator.parameters(), *trained.generator.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    assert (trained.conditional, trained.num_classes) == (classes > 0, classes)
    first, second = trained.sample(2, labels=[0, 2] if classes else None)
    assert not np.array_equal(first, second)


def test_classes_that_the_network_does_not_take_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as error:
        save_bundle(tmp_path / FILE_NAME, make_generator(), metadata(num_classes=10))
    assert str(error.value) == f"{tmp_path / FILE_NAME}: num_classes: 10 given, but the network takes no labels"


def test_latents_with_codes_come_back(tmp_path: Path) -> None:
    prior = Prior("normal", 3, categorical=(4, 2), continuous=7)
    described = describe("mlp", SETTINGS, prior=prior, image_shape=SHAPE, mean=0.5, std=0.5)
    assert prior.width == 16
    save_bundle(tmp_path / FILE_NAME, make_generator(), described)
    trained = load_generator(tmp_path / FILE_NAME)
    assert trained.prior == prior
    assert torch.equal(trained.latents(6, 2), prior.fixed(6, seed=2, purpose="samples from a bundle"))
    assert trained.sample(2).shape == (2, *SHAPE)


def test_a_network_with_tied_weights_is_saved(tmp_path: Path) -> None:
    """safetensors refuses tensors that share memory, as the weights of an own network may."""
    generator = make_generator()
    weights = {**generator.state_dict(), "again": generator.state_dict()["layers.0.weight"]}
    bundle_file.write(tmp_path / FILE_NAME, weights, metadata())
    saved, _ = bundle_file.read(tmp_path / FILE_NAME)
    assert torch.equal(saved["again"], saved["layers.0.weight"])


def test_measures_are_put_into_the_bundle_that_a_link_names(bundle: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.safetensors"
    link.symlink_to(bundle)
    add_quality(link, {"fcd": 3.0})
    assert link.is_symlink()
    assert load_generator(bundle).metadata["quality"] == {"fcd": 3.0}


def test_metadata_comes_back(tmp_path: Path) -> None:
    described = describe(
        "mlp",
        SETTINGS,
        prior=Prior("uniform", 16),
        image_shape=SHAPE,
        mean=0.1,
        std=0.3,
        quality={"fcd": 12.5},
        data={"name": "digits", "class_names": ["zéro", "one"]},
        trained={"epochs": 3},
    )
    save_bundle(tmp_path / "any name", make_generator(), described)
    trained = load_generator(tmp_path / "any name")
    assert {name: trained.metadata[name] for name in described} == described
    assert set(trained.metadata) - set(described) == {"sha256"}
    assert trained.image_shape == SHAPE
    assert trained.class_names == ("zéro", "one")
    assert (trained.conditional, trained.num_classes, trained.points) == (False, 0, False)


def test_a_run_folder_or_its_file_or_a_string_will_do(bundle: Path) -> None:
    expected = load_generator(bundle).sample(4)
    for source in (bundle.parent, str(bundle), str(bundle.parent)):
        assert np.array_equal(load_generator(source).sample(4), expected)


def test_saving_a_loaded_bundle_gives_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    loaded = load_generator(bundle)
    save_bundle(tmp_path / "again", loaded.generator, loaded.metadata)
    assert (tmp_path / "again").read_bytes() == bundle.read_bytes()


def test_a_generator_is_ready_for_use(bundle: Path) -> None:
    generator = load_generator(bundle).generator
    assert any(isinstance(module, nn.Dropout) for module in generator.modules())
    assert not any(module.training for module in generator.modules())
    assert not any(p.requires_grad for p in generator.parameters())
    assert {p.device.type for p in generator.parameters()} == {"cpu"}


def test_loading_draws_no_random_numbers(bundle: Path) -> None:
    before = torch.get_rng_state()
    load_generator(bundle)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_generator_does_not_need_its_file_any_more(bundle: Path) -> None:
    trained = load_generator(bundle)
    expected = trained.sample(4)
    bundle.write_bytes(b"\xff" * bundle.stat().st_size)  # in place, as a copy over it would
    assert np.array_equal(trained.sample(4), expected)


def test_saving_leaves_the_generator_in_training(tmp_path: Path) -> None:
    generator = make_generator().train()
    save_bundle(tmp_path / FILE_NAME, generator, metadata())
    assert generator.training
    assert all(p.requires_grad for p in generator.parameters())


def test_a_save_that_fails_leaves_the_bundle_that_was_there(bundle: Path) -> None:
    content = bundle.read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_bundle(bundle, make_generator(1), metadata(extra=object()))
    assert bundle.read_bytes() == content
    assert [path.name for path in bundle.parent.iterdir()] == [FILE_NAME]


def test_what_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with pytest.raises(BundleError) as error:
        save_bundle(path, make_generator(), metadata(std=0.0))
    assert str(error.value) == f"{path}: its metadata has std 0.0; expected: a finite number above 0"
    with pytest.raises(BundleError, match=r"too large to be read again: a header of \d+ bytes \(at most 1048576\)"):
        save_bundle(path, make_generator(), metadata(notes="x" * 2**20))
    assert list(tmp_path.iterdir()) == []


# Bundles of the first format


def test_a_bundle_of_format_1_is_read_as_one_without_classes_codes_and_measures(tmp_path: Path) -> None:
    described = write_format_1(tmp_path / FILE_NAME, make_generator())
    trained = load_generator(tmp_path)
    sha256 = trained.metadata.pop("sha256")
    assert len(sha256) == 64
    assert trained.metadata == {
        **described,
        "format": 2,
        "num_classes": 0,
        "codes": {"categorical": [], "continuous": 0},
        "points": False,
        "quality": None,
    }
    save_bundle(tmp_path / "today", make_generator(), metadata())
    assert np.array_equal(trained.sample(9, seed=4), load_generator(tmp_path / "today").sample(9, seed=4))


def test_a_bundle_of_format_1_is_held_against_its_sha256_too(tmp_path: Path) -> None:
    write_format_1(tmp_path / FILE_NAME, make_generator())
    content = bytearray((tmp_path / FILE_NAME).read_bytes())
    content[-1] ^= 1
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(BundleError, match="sha256 differs"):
        load_generator(tmp_path)


# Measures


def test_measures_are_put_into_a_bundle_and_the_weights_stay(bundle: Path) -> None:
    before = load_generator(bundle)
    assert before.metadata["quality"] is None
    add_quality(bundle.parent, {"fcd": 31.25, "images": 10_000})
    after = load_generator(bundle)
    assert after.metadata["quality"] == {"fcd": 31.25, "images": 10_000}
    assert after.metadata["sha256"] != before.metadata["sha256"]
    changed = {name for name in before.metadata if before.metadata[name] != after.metadata[name]}
    assert changed == {"quality", "sha256"}
    weights = bundle_file.read(bundle)[0]
    assert all(torch.equal(tensor, weights[name]) for name, tensor in make_generator().state_dict().items())
    add_quality(bundle, {"fcd": 30.0})
    assert load_generator(bundle).metadata["quality"] == {"fcd": 30.0}


def test_measures_of_a_bundle_of_format_1_make_it_one_of_today(tmp_path: Path) -> None:
    write_format_1(tmp_path / FILE_NAME, make_generator())
    add_quality(tmp_path, {"fcd": 1.0})
    saved = bundle_file.read(tmp_path / FILE_NAME)[1]
    assert (saved["format"], saved["quality"], saved["trained"]["seed"]) == (FORMAT, {"fcd": 1.0}, 5)


def test_measures_are_not_put_into_a_damaged_bundle(bundle: Path) -> None:
    content = bundle.read_bytes()[:-1]
    bundle.write_bytes(content)
    with pytest.raises(BundleError, match=r"^/.*: not a complete safetensors file"):
        add_quality(bundle, {"fcd": 1.0})
    assert bundle.read_bytes() == content


def test_measures_that_are_no_plain_values_leave_the_bundle_as_it_was(bundle: Path) -> None:
    content = bundle.read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        add_quality(bundle, {"fcd": object()})
    assert bundle.read_bytes() == content
