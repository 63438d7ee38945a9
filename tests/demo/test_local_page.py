"""The demo's page with its generators inside: its size, its text, its latents."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from gan_command import ROOT
from layers_in_node import IN_NODE, node
from tiny_bundles import conditional_bundle

from gan import load_generator
from gan.demo.compact import compact
from gan.demo.local_page import LocalModel, in_script, local_page
from gan.demo.model import Model
from gan.demo.model_cache import BUNDLED
from gan.game.latents import Prior
from gan.generators.interpolation import FramePositions, interpolate

MODEL = re.compile(r'<script type="application/json" class="model">(.*?)</script>', re.DOTALL)


def page_of(bundle: Path, card: str = "# Card") -> str:
    return local_page([LocalModel(Model("digits", load_generator(bundle)), card)], "Digits").decode()


def test_sizes() -> None:
    page = page_of(BUNDLED, "card " * 800)
    (model,) = MODEL.findall(page)
    assert len(page.encode()) <= 1_000_000
    assert len(page.encode()) - len(model.encode()) <= 47_000


def test_the_page_of_the_docs_is_up_to_date() -> None:
    page = (ROOT / "docs" / "live" / "index.html").read_text()
    (model,) = MODEL.findall(page)
    written = json.loads(model)
    assert written["sha256"] == load_generator(BUNDLED).metadata["sha256"]
    now = local_page([LocalModel(Model(written["name"], load_generator(BUNDLED)), "")], written["name"]).decode()
    assert MODEL.sub("", page) == MODEL.sub("", now), "make live writes it anew"
    (model_now,) = MODEL.findall(now)
    generator = json.loads(model_now)["generator"]
    assert {**written["generator"], "directions": None} == {**generator, "directions": None}


def test_nothing_is_loaded() -> None:
    page = page_of(BUNDLED)
    assert "http://" not in MODEL.sub("", page)
    assert "https://" not in MODEL.sub("", page)
    assert "import " not in MODEL.sub("", page)


def test_text_cannot_end_its_script(tmp_path: Path) -> None:
    page = page_of(conditional_bundle(tmp_path, ("</script><b>", "<!--", "Dress")), "</script><i>")
    assert "<b>" not in page
    assert "<i>" not in page
    assert json.loads(in_script("</script>")) == "</script>"


def test_compact_keeps_strings_and_expressions() -> None:
    comments = "/** A\n * comment. */\n  // Another.\n"
    given = 'const a = "x =  1", b = c + +d; // why\n  f(`${a ? `b = 1` : ""}`);\nreturn (2 - a) / 3;\n'
    assert compact(comments + given) == 'const a="x =  1",b=c + +d;f(`${a ? `b = 1` : ""}`);return(2-a)/3;\n'


def in_node(expression: str, **given: Any) -> Any:
    return node(f"const given = {json.dumps(given)};\nconsole.log(JSON.stringify({expression}));", "latents.js")


def described(prior: Prior) -> dict[str, Any]:
    return {name: getattr(prior, name) for name in ("name", "latent_dim", "categorical", "continuous")}


@IN_NODE
@pytest.mark.parametrize(
    "prior", [Prior("normal", 100), Prior("uniform", 7, (10, 3), 2), Prior("normal", 1, (5,), 0)], ids=repr
)
@pytest.mark.parametrize("seed", [0, 7, 2**53 - 1])
def test_latents_are_those_of_python(prior: Prior, seed: int) -> None:
    found = in_node("Array.from(latents(given.prior, 20, given.seed))", prior=described(prior), seed=seed)
    expected = prior.fixed(20, seed=seed, purpose="samples from a bundle")
    assert (torch.tensor(found).view_as(expected) - expected).abs().max() < 1e-5


@IN_NODE
@pytest.mark.parametrize("prior", [Prior("normal", 5, (3,), 1), Prior("uniform", 5)], ids=repr)
def test_walks_are_those_of_python(prior: Prior) -> None:
    anchors = prior.fixed(2, seed=1, purpose="test")
    where = FramePositions(torch.tensor([0]), torch.tensor([1]), torch.tensor([0.3]))
    given = {"prior": described(prior), "from": anchors[0].tolist(), "to": anchors[1].tolist()}
    call = "Array.from(between(given.prior, Float32Array.from(given.from), Float32Array.from(given.to), 1, 0.3))"
    assert torch.allclose(torch.tensor(in_node(call, **given)), interpolate(anchors, where, prior)[0], atol=1e-6)
