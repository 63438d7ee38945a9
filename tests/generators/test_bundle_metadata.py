"""What a bundle may say of its generator, and the message for every value that is out of its bounds."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny_bundles import craft, make_generator, metadata, told, whole_bundle

from gan.generators import bundle_file
from gan.generators.bundle import FORMAT, load_generator
from gan.system.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return whole_bundle(tmp_path)


def with_metadata(path: Path, text: str) -> str:
    save_file({"weight": torch.zeros(2)}, path, metadata={"gan": text})
    return told(path)


def test_metadata_that_is_not_json(bundle: Path) -> None:
    reason = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    assert with_metadata(bundle, "{'format': 1}") == f"its metadata is not JSON: {reason}"
    assert with_metadata(bundle, "[" * 100_000).startswith("its metadata is not JSON: maximum recursion depth exceeded")
    assert with_metadata(bundle, "9" * 5000).startswith("its metadata is not JSON: Exceeds the limit (4300 digits)")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (json.dumps({"format": FORMAT + 1}), "was made by a newer version: it has format 3"),
        (json.dumps({"format": 10**12}), "was made by a newer version: it has format 1000000000000"),
        (json.dumps({"format": 0}), "has format 0"),
        (json.dumps({"format": True}), "has format True"),
        (json.dumps({"format": "1"}), "has format '1'"),
        (json.dumps({"format": 2.0}), "has format 2.0"),
        ("{}", "has format None"),
        ("[1]", "has format None"),
        ("null", "has format None"),
    ],
)
def test_another_format(bundle: Path, text: str, what: str) -> None:
    assert with_metadata(bundle, text) == f"this bundle {what}; this version reads formats 1 and 2"


SETTINGS_RULE = "names with plain values; numbers up to 1024, in lists up to 65536"
CODES_RULE = "categorical (a list of 2 … 65536) and continuous (0 … 65536)"
SHAPE_RULE = "channels, height and width, each 1 … 1024, 4194304 values at most"
CLASSES_RULE = "a mapping; class_names is a list of printable words, as many as there are classes"


@pytest.mark.parametrize(
    ("changes", "shown", "rule"),
    [
        ({"family": None}, "None", "the name of a family of networks"),
        ({"family": ["mlp"]}, "['mlp']", "the name of a family of networks"),
        ({"family": "m\x1b[31m"}, r"'m\x1b[31m'", "the name of a family of networks"),
        ({"settings": None}, "None", SETTINGS_RULE),
        ({"settings": ["hidden"]}, "['hidden']", SETTINGS_RULE),
        ({"settings": {"base_channels": 1025}}, "{'base_channels': 1025}", SETTINGS_RULE),
        ({"settings": {"hidden": [65537]}}, "{'hidden': [65537]}", SETTINGS_RULE),
        ({"settings": {"hidden": [1] * 257}}, "{'hidden': [1, 1, 1, 1, 1, 1, ...]}", SETTINGS_RULE),
        ({"settings": {"hidden": [[8]]}}, "{'hidden': [[...]]}", SETTINGS_RULE),
        ({"settings": {"hidden": {"a": 1}}}, "{'hidden': {'a': 1}}", SETTINGS_RULE),
        ({"settings": {"dropout": math.inf}}, "{'dropout': inf}", SETTINGS_RULE),
        ({"settings": {"a b": 1}}, "{'a b': 1}", SETTINGS_RULE),
        ({"prior": "gaussian"}, "'gaussian'", "normal or uniform"),
        ({"prior": None}, "None", "normal or uniform"),
        ({"prior": ["normal"]}, "['normal']", "normal or uniform"),
        ({"latent_dim": 0}, "0", "1 … 65536"),
        ({"latent_dim": 2**40}, "1099511627776", "1 … 65536"),
        ({"latent_dim": 16.0}, "16.0", "1 … 65536"),
        ({"latent_dim": True}, "True", "1 … 65536"),
        ({"latent_dim": "x"}, "'x'", "1 … 65536"),
        ({"codes": None}, "None", CODES_RULE),
        ({"codes": {"categorical": [1], "continuous": 0}}, "{'categorical': [1], 'continuous': 0}", CODES_RULE),
        ({"codes": {"categorical": [], "continuous": -1}}, "{'categorical': [], 'continuous': -1}", CODES_RULE),
        ({"codes": {"categorical": 10}}, "{'categorical': 10}", CODES_RULE),
        ({"image_shape": [1, 28]}, "[1, 28]", SHAPE_RULE),
        ({"image_shape": [1, 28, 0]}, "[1, 28, 0]", SHAPE_RULE),
        ({"image_shape": [1, 28, 1025]}, "[1, 28, 1025]", SHAPE_RULE),
        ({"image_shape": [5, 1024, 1024]}, "[5, 1024, 1024]", SHAPE_RULE),
        ({"image_shape": "1x28x28"}, "'1x28x28'", SHAPE_RULE),
        ({"mean": None}, "None", "a finite number"),
        ({"mean": math.nan}, "nan", "a finite number"),
        ({"mean": 10**400}, "100000000000000000...0000000000000000000", "a finite number"),
        ({"std": 0}, "0", "a finite number above 0"),
        ({"std": "0.5"}, "'0.5'", "a finite number above 0"),
        ({"num_classes": -1}, "-1", "0 … 65536"),
        ({"num_classes": "10"}, "'10'", "0 … 65536"),
        ({"image_shape": [2, 1, 1], "points": False}, "False", "true if image_shape is [2, 1, 1], and false if not"),
        ({"settings": {"activation": "\x1b[2J"}}, r"{'activation': '\x1b[2J'}", SETTINGS_RULE),
        ({"points": True}, "True", "true if image_shape is [2, 1, 1], and false if not"),
        ({"points": 0}, "0", "true if image_shape is [2, 1, 1], and false if not"),
        ({"data": []}, "[]", CLASSES_RULE),
        ({"data": {"class_names": "abc"}}, "{'class_names': 'abc'}", CLASSES_RULE),
        ({"data": {"class_names": ["a\n"]}}, r"{'class_names': ['a\n']}", CLASSES_RULE),
        ({"num_classes": 3, "data": {"class_names": ["a"]}}, "{'class_names': ['a']}", CLASSES_RULE),
        ({"quality": 3}, "3", "a mapping, or null"),
    ],
)
def test_a_value_that_is_out_of_its_bounds(bundle: Path, changes: dict[str, Any], shown: str, rule: str) -> None:
    craft(bundle, **changes)
    name = list(changes)[-1]
    assert told(bundle) == f"its metadata has {name} {shown}; expected: {rule}"


def test_latents_that_are_too_wide_with_their_codes(bundle: Path) -> None:
    craft(bundle, codes={"categorical": [65_536], "continuous": 0})
    assert told(bundle) == "its metadata has latents of 65552 components, codes included; at most 65536 are read"


@pytest.mark.parametrize(
    "name", ["family", "settings", "prior", "latent_dim", "codes", "image_shape", "mean", "points"]
)
def test_a_value_that_is_not_there(bundle: Path, name: str) -> None:
    known = {key: value for key, value in metadata().items() if key != name}
    bundle_file.write(bundle, make_generator().state_dict(), known)
    assert told(bundle).startswith(f"its metadata has {name} None; expected: ")


@pytest.mark.parametrize("family", ["stylegan", "__class__"])
def test_an_unknown_family(bundle: Path, family: str) -> None:
    craft(bundle, family=family)
    assert told(bundle).startswith(f"network family {family!r}; known: mlp, dcgan")


@pytest.mark.parametrize("family", ["os.system", "subprocess.Popen", "no_such_package.Network"])
def test_a_class_of_a_package_that_is_not_trusted(bundle: Path, family: str) -> None:
    craft(bundle, family=family)
    package = family.partition(".")[0]
    message = told(bundle)
    assert message.startswith(f"its network is the class {family}, and a bundle imports only gan, lightning and torch")
    assert f"add --trust {package}" in message


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("os.system", "its network is os.system, which is not a torch.nn.Module"),
        ("torch.nn.Linearr", "its network: 'torch.nn.Linearr' given, and torch.nn has no 'Linearr'"),
    ],
)
def test_a_class_that_is_no_network(bundle: Path, family: str, reason: str) -> None:
    craft(bundle, family=family)
    with pytest.raises(BundleError, match=reason):
        load_generator(bundle, trust=["os", "torch"])
