"""A trained generator as one file: there and back, and everything that can be wrong with such a file."""

import json
import pickle
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gan.bundle import FILE_NAME, FORMAT, describe, load_generator, save_bundle
from gan.errors import BundleError
from gan.latents import fixed_latents
from gan.networks import build_generator

ROOT = Path(__file__).parent.parent
SETTINGS = {"hidden": [8], "activation": "leaky_relu", "negative_slope": 0.2, "dropout": 0.5}


def make_generator(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_generator("mlp", latent_dim=16, image_shape=(1, 4, 5), **SETTINGS)


def metadata(**changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        **describe("mlp", SETTINGS, latent_dim=16, prior="normal", image_shape=(1, 4, 5), mean=0.5, std=0.5),
        **changes,
    }
    return known


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A whole bundle in a run folder."""
    save_bundle(tmp_path / "run" / FILE_NAME, make_generator(), metadata())
    return tmp_path / "run" / FILE_NAME


def told(path: Path) -> str:
    """The message about a bundle that is no bundle."""
    with pytest.raises(BundleError) as error:
        load_generator(path)
    return str(error.value)


@pytest.mark.parametrize("prior", ["normal", "uniform"])
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.5), (0.0, 1.0)])
def test_a_loaded_generator_makes_the_images_of_the_saved_one(
    tmp_path: Path, prior: str, mean: float, std: float
) -> None:
    generator = make_generator()
    save_bundle(tmp_path / FILE_NAME, generator, metadata(prior=prior, mean=mean, std=std))
    z = fixed_latents(prior, 20, 16, seed=3, purpose="samples from a bundle")
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


def test_metadata_comes_back(tmp_path: Path) -> None:
    described = describe(
        "mlp",
        SETTINGS,
        latent_dim=16,
        prior="uniform",
        image_shape=(1, 4, 5),
        mean=0.1,
        std=0.3,
        data={"name": "digits", "class_names": ["zéro", "one"]},
    )
    save_bundle(tmp_path / "any name", make_generator(), described)
    trained = load_generator(tmp_path / "any name")
    assert {name: trained.metadata[name] for name in described} == described
    assert trained.image_shape == (1, 4, 5)
    assert set(trained.metadata) - set(described) == {"sha256"}


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


def test_saving_leaves_the_generator_in_training(tmp_path: Path) -> None:
    generator = make_generator().train()
    save_bundle(tmp_path / FILE_NAME, generator, metadata())
    assert generator.training
    assert all(p.requires_grad for p in generator.parameters())


def test_the_same_call_gives_the_same_images_and_another_seed_others(bundle: Path) -> None:
    trained = load_generator(bundle)
    first = trained.sample(6, seed=1)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert np.array_equal(trained.sample(6, seed=1), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not np.array_equal(trained.sample(6, seed=2), first)


def test_the_first_images_do_not_depend_on_how_many_follow(bundle: Path) -> None:
    trained = load_generator(bundle)
    assert np.array_equal(trained.sample(3), trained.sample(10)[:3])


@pytest.mark.parametrize("batch_size", [1, 3, 10, 1000])
def test_a_batch_size_bounds_the_memory_and_changes_no_image(bundle: Path, batch_size: int) -> None:
    trained = load_generator(bundle)
    sizes: list[int] = []
    trained.generator.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    expected = load_generator(bundle).sample(10)
    images = trained.sample(10, batch_size=batch_size)
    assert max(sizes) == min(batch_size, 10)
    assert sum(sizes) == 10
    assert np.abs(images.astype(int) - expected.astype(int)).max() <= 1


def test_latents_can_be_drawn_and_decoded_apart(bundle: Path) -> None:
    trained = load_generator(bundle)
    z = trained.latents(5, seed=4)
    assert z.shape == (5, 16)
    assert np.array_equal(trained.decode(z), trained.sample(5, seed=4))


def test_a_save_that_fails_leaves_the_bundle_that_was_there(bundle: Path) -> None:
    content = bundle.read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_bundle(bundle, make_generator(1), metadata(extra=object()))
    assert bundle.read_bytes() == content
    assert [path.name for path in bundle.parent.iterdir()] == [FILE_NAME]


# What can be wrong with a file


def test_nothing_there(tmp_path: Path) -> None:
    path = tmp_path / "none"
    expected = f"{path}: there is no such file or folder; give a run folder or a file generator.safetensors"
    assert told(path) == expected


def test_a_folder_without_a_bundle(tmp_path: Path) -> None:
    expected = f"{tmp_path}: this folder has no generator.safetensors; is it a run folder, and has its run begun?"
    assert told(tmp_path) == expected


def cut_in_the_header(content: bytes) -> bytes:
    return content[:40]


def cut_in_the_weights(content: bytes) -> bytes:
    return content[:-10]


def as_pickle(content: bytes) -> bytes:
    return pickle.dumps({"weights": [1.0, 2.0]}) + b" " * 100


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:4],
        cut_in_the_header,
        cut_in_the_weights,
        lambda content: content + b"x",
        lambda content: b"\0" * len(content),
        lambda content: b"<html>404 Not Found</html>" * 20,
        as_pickle,
    ],
    ids=["empty", "4 bytes", "cut in the header", "cut in the weights", "longer", "zeroed", "a web page", "a pickle"],
)
def test_not_a_whole_safetensors_file(bundle: Path, damage: Callable[[bytes], bytes]) -> None:
    bundle.write_bytes(damage(bundle.read_bytes()))
    # in brackets: the safetensors package's own words, which differ between its versions
    pattern = (
        rf"{re.escape(str(bundle))}: not a whole safetensors file \([^\n]+\); a bundle is called generator\.safetensors"
    )
    assert re.fullmatch(pattern, told(bundle))


def test_a_checkpoint_of_torch_is_not_opened(bundle: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (bundle.parent / "code from the file has run",))

    torch.save({"state_dict": {}, "trap": Trap()}, bundle)
    assert "not a whole safetensors file" in told(bundle)
    assert [path.name for path in bundle.parent.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("position", [-1, -7, -400])
@pytest.mark.parametrize("bit", [0, 7])
def test_one_flipped_bit_in_the_weights(bundle: Path, position: int, bit: int) -> None:
    content = bytearray(bundle.read_bytes())
    content[position] ^= 1 << bit
    bundle.write_bytes(content)
    expected = f"{bundle}: its content is not what was saved (sha256 differs): the file is damaged"
    assert told(bundle) == expected


def test_weights_under_another_name(bundle: Path) -> None:
    # same bytes, same shapes, same order
    content = bundle.read_bytes()
    assert content.count(b'"layers.0.bias"') == 1
    bundle.write_bytes(content.replace(b'"layers.0.bias"', b'"layers.0.biaz"'))
    assert "sha256 differs" in told(bundle)


def test_one_changed_digit_in_the_metadata(bundle: Path) -> None:
    content = bundle.read_bytes()
    assert content.count(b'mean\\": 0.5') == 1
    bundle.write_bytes(content.replace(b'mean\\": 0.5', b'mean\\": 0.7'))
    assert "sha256 differs" in told(bundle)


def test_a_safetensors_file_of_something_else(bundle: Path) -> None:
    for of_file in (None, {"format": "pt"}):
        save_file({"weight": torch.zeros(2)}, bundle, metadata=of_file)
        expected = f"{bundle}: a safetensors file, but not one of a generator: it has no metadata 'gan'"
        assert told(bundle) == expected


def test_metadata_that_is_not_json(bundle: Path) -> None:
    save_file({"weight": torch.zeros(2)}, bundle, metadata={"gan": "{'format': 1}"})
    reason = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    assert told(bundle) == f"{bundle}: its metadata is not JSON: {reason}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (json.dumps({"format": FORMAT + 1}), "2"),
        (json.dumps({"format": "1"}), "1"),
        ("{}", "None"),
        ("[1]", "None"),
        ("null", "None"),
    ],
)
def test_another_format(bundle: Path, text: str, found: str) -> None:
    save_file({"weight": torch.zeros(2)}, bundle, metadata={"gan": text})
    assert told(bundle) == f"{bundle}: a bundle of format {found}; this version reads format 1"


@pytest.mark.parametrize("family", ["stylegan", "os.system", None])
def test_an_unknown_family(bundle: Path, family: str | None) -> None:
    save_bundle(bundle, make_generator(), metadata(family=family))
    assert told(bundle) == f"{bundle}: network family {family!r}; known: mlp, dcgan"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"settings": {**SETTINGS, "hidden": [9]}}, "size mismatch for layers.0.weight"),
        ({"settings": {**SETTINGS, "hidden": [8, 8]}}, "Missing key"),
        ({"settings": {**SETTINGS, "dropuot": 0.1}}, "unexpected keyword argument 'dropuot'"),
        ({"settings": {**SETTINGS, "activation": "gelu"}}, "activation must be one of"),
        ({"settings": None}, "must be a mapping"),
        ({"image_shape": [1, 28, 28]}, "size mismatch"),
        ({"latent_dim": 17}, "size mismatch"),
        ({"latent_dim": "x"}, ""),
        ({"settings": {**SETTINGS, "hidden": []}}, ""),
    ],
)
def test_an_architecture_that_is_not_that_of_the_weights(bundle: Path, changes: dict[str, Any], reason: str) -> None:
    save_bundle(bundle, make_generator(), metadata(**changes))
    message = told(bundle)
    assert message.startswith(f"{bundle}: the architecture in its metadata does not fit its weights: ")
    assert reason in message


@pytest.mark.parametrize("missing", ["latent_dim", "image_shape", "settings", "sha256"])
def test_metadata_that_lacks_what_a_generator_needs(bundle: Path, missing: str) -> None:
    content = load_generator(bundle)
    known = {name: value for name, value in content.metadata.items() if name != missing}
    tensors = {name: tensor.contiguous() for name, tensor in content.generator.state_dict().items()}
    save_file(tensors, bundle, metadata={"gan": json.dumps(known)})
    assert told(bundle).startswith(f"{bundle}: ")


@pytest.mark.parametrize(
    "changes", [{"prior": "gaussian"}, {"prior": None}, {"mean": None}, {"std": "0.5"}, {"family": ["mlp"]}]
)
def test_metadata_that_no_sample_can_be_drawn_with(bundle: Path, changes: dict[str, Any]) -> None:
    save_bundle(bundle, make_generator(), metadata(**changes))
    assert told(bundle).startswith(f"{bundle}: ")


def test_loading_and_sampling_import_neither_lightning_nor_hydra(bundle: Path) -> None:
    script = f"""
        import sys
        from gan import load_generator
        images = load_generator({str(bundle)!r}).sample(3)
        assert images.shape == (3, 1, 4, 5)
        heavy = ("lightning", "pytorch_lightning", "hydra", "omegaconf", "torchvision", "matplotlib", "torchmetrics")
        print(sorted(name for name in heavy if name in sys.modules))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
