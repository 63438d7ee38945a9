"""The generator that comes with the package: the file that the docs speak of, and digits of the class asked for."""

import hashlib
import re
from pathlib import Path

import numpy as np
import torch
from asking import Asker, Serve

from gan.demo.model_cache import BUNDLED
from gan.generators.bundle import load_generator
from gan.metrics.extractors import load_extractor

ROOT = Path(__file__).parent.parent.parent
PAGE = (Path(__file__).parent.parent.parent / "docs" / "demo.md").read_text()


def cells(picture: np.ndarray, columns: int) -> np.ndarray:
    """uint8 (N, 1, 28, 28): the images of a picture whose rows are full."""
    rows = (picture.shape[0] + 2) // 30
    return np.stack([picture[30 * r : 30 * r + 28, 30 * c : 30 * c + 28] for r in range(rows) for c in range(columns)])[
        :, None
    ]


def test_of_fifty_threes_the_labeller_says_three_of_nine_in_ten(serve: Serve) -> None:
    ask: Asker = serve([])
    shown = ask("/api/images.png?seed=0&count=50&columns=10&class=3").pixels
    labeller = load_extractor("mnist", "labeller")
    images = torch.from_numpy(cells(shown, 10))
    said = labeller.logits(labeller.features(images))[:, 0].argmax(1)
    assert len(said) == 50
    assert int((said == 3).sum()) >= 45


def test_the_page_states_its_hash_and_its_measures() -> None:
    metadata = load_generator(BUNDLED).metadata
    assert BUNDLED.stat().st_size < 2_000_000
    assert hashlib.sha256(BUNDLED.read_bytes()).hexdigest() in PAGE
    quality = metadata["quality"]["quality"]
    for name, title in (
        ("fcd", "FCD"),
        ("recall", "recall"),
        ("coverage", "coverage"),
        ("label_accuracy", "label accuracy"),
    ):
        stated = re.search(rf"{title}\s(\d\.\d+)", PAGE)
        assert stated is not None
        assert float(stated[1]) == round(quality[name], len(stated[1]) - 2)


def test_it_is_what_the_page_shows_where_no_model_was_given(serve: Serve) -> None:
    told = serve([])("/api/model").json
    assert told["name"] == "the bundled generator"
    assert told["classes"] == list("0123456789")
    assert len(told["sliders"]) == 8
    assert told["measures"]["fcd"] < 0.5


def test_its_weights_are_those_that_were_measured() -> None:
    """What is written anew of its metadata leaves the weights as they are, to the bit."""
    content = BUNDLED.read_bytes()
    weights = content[8 + int.from_bytes(content[:8], "little") :]
    assert hashlib.sha256(weights).hexdigest() == "f309e077af4b4c448515af42f3a2e724d59868b130a1677cf3b81eb95507b13d"


def test_nothing_that_is_shipped_holds_a_path_of_the_machine_that_made_it() -> None:
    shipped = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    for ending in ("md", "ipynb", "safetensors", "yaml", "html", "svg", "json"):
        shipped += [
            path for folder in ("gan", "docs", "conf", "notebooks") for path in (ROOT / folder).rglob(f"*.{ending}")
        ]
    assert len(shipped) > 50
    place = re.compile(rb"(?<![\w.~-])/(?:work|root|Users|mnt|home/(?!me\b)\w)/?\w+")
    found = {str(path): place.findall(path.read_bytes()[: 2**20]) for path in shipped}
    assert {path: places for path, places in found.items() if places} == {}
