"""The network that a bundle names is held against its weights before it has memory: what does not go together."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_bundles import SETTINGS, craft, make_generator, metadata, told, whole_bundle

from gan.generators import bundle_file


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return whole_bundle(tmp_path)


def shapes(name: str, in_file: tuple[int, ...], in_network: tuple[int, ...]) -> str:
    return f"{name} is {in_file} float32 in the file, {in_network} float32 in the network"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"settings": {**SETTINGS, "hidden": [9]}}, shapes("layers.0.bias", (8,), (9,))),
        ({"settings": {**SETTINGS, "hidden": [8, 8]}}, shapes("layers.3.bias", (20,), (8,))),
        ({"settings": {}}, shapes("layers.0.bias", (8,), (128,))),
        ({"image_shape": [1, 28, 28]}, shapes("layers.3.bias", (20,), (784,))),
        ({"latent_dim": 17}, shapes("layers.0.weight", (8, 16), (8, 17))),
        ({"codes": {"categorical": [2], "continuous": 1}}, shapes("layers.0.weight", (8, 16), (8, 19))),
        ({"settings": {**SETTINGS, "hidden": [65_536] * 256}}, "it has more than 268435456 values"),
        (
            {"family": "dcgan", "settings": {"base_channels": 4}, "image_shape": [1, 28, 28]},
            "the network has no 'layers.0.bias'",
        ),
    ],
)
def test_an_architecture_that_is_not_that_of_the_weights(bundle: Path, changes: dict[str, Any], reason: str) -> None:
    craft(bundle, **changes)
    assert told(bundle) == f"the architecture in its metadata does not fit its weights: {reason}"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {**SETTINGS, "activation": "gelu"},
            "settings.activation: no such option 'gelu'; did you mean 'relu'? choices: leaky_relu, relu",
        ),
        ({**SETTINGS, "activation": None}, "settings.activation: None given, relu, leaky_relu expected"),
        ({**SETTINGS, "negative_slope": None}, "settings.negative_slope: None given, a number expected"),
        ({**SETTINGS, "dropout": 7}, "settings.dropout: 7 given, in [0, 1) expected"),
        ({**SETTINGS, "hidden": "ab"}, "settings.hidden: 'ab' given, a list of integers expected"),
        ({**SETTINGS, "hidden": [True]}, "settings.hidden: [True] given, a list of integers expected"),
        ({**SETTINGS, "hidden": []}, "settings.hidden: [] given, 1 to 256 of them, each 1 to 65,536 expected"),
        (
            {**SETTINGS, "hidden": [-1] * 200},
            "settings.hidden: [-1, -1, -1, -1, -1, -1, ...] given, 1 to 256 of them, each 1 to 65,536 expected",
        ),
        ({**SETTINGS, "hidden": [-1]}, "settings.hidden: [-1] given, 1 to 256 of them, each 1 to 65,536 expected"),
    ],
)
def test_settings_that_no_run_may_have(bundle: Path, settings: dict[str, Any], reason: str) -> None:
    craft(bundle, settings=settings)
    assert told(bundle) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"settings": {**SETTINGS, "dropuot": 0.1}}, "unexpected keyword argument 'dropuot'"),
        ({"settings": {**SETTINGS, "latent_dim": 3}}, "latent_dim"),
        ({"settings": {**SETTINGS, "conditioning": "concat"}}, "needs num_classes of 1 or more, not 0"),
        ({"family": "dcgan", "settings": {"base_channels": 4}, "image_shape": [1, 9, 9]}, "image_size must be"),
    ],
)
def test_an_architecture_that_cannot_be_built(bundle: Path, changes: dict[str, Any], reason: str) -> None:
    craft(bundle, **changes)
    message = told(bundle)
    assert message.startswith("the architecture in its metadata cannot be built: ")
    assert reason in message


def test_classes_for_a_network_that_takes_no_labels(bundle: Path) -> None:
    craft(bundle, num_classes=10)
    assert told(bundle) == "num_classes: 10 given, but the network takes no labels"


def test_a_tensor_too_many_and_one_of_another_type(bundle: Path) -> None:
    state = make_generator().state_dict()
    fault = "the architecture in its metadata does not fit its weights: "
    bundle_file.write(bundle, {**state, "extra": torch.zeros(1)}, metadata())
    assert told(bundle) == f"{fault}the network has no 'extra'"
    bundle_file.write(bundle, {**state, "layers.0.bias": torch.zeros(8, dtype=torch.int32)}, metadata())
    assert told(bundle) == f"{fault}layers.0.bias is (8,) int32 in the file, (8,) float32 in the network"


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {**SETTINGS, "hidden": [65_536] * 256}},
        {"family": "dcgan", "settings": {"base_channels": 1024}, "image_shape": [1, 1024, 1024]},
        {"latent_dim": 65_536, "image_shape": [4, 1024, 1024]},
        {"settings": {f"s{number}": [0] * 256 for number in range(256)}},
    ],
)
def test_a_network_that_would_be_large_is_refused_before_it_has_memory(bundle: Path, changes: dict[str, Any]) -> None:
    craft(bundle, **changes)
    allocated = []
    original = torch.empty

    def watched(*arguments: Any, **options: Any) -> torch.Tensor:
        made = original(*arguments, **options)
        allocated.append(0 if made.is_meta else made.numel())
        return made

    tracemalloc.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "empty", watched)
        told(bundle)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6
    assert sum(allocated) < 1000
