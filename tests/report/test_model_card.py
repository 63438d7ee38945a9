"""The model card: a header that the Hub reads, what is known and what is not, and code that runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny_bundles import codes_bundle, conditional_bundle, metadata, points_bundle, whole_bundle

from gan import load_generator
from gan.game.latents import Prior
from gan.generators.bundle import add_quality
from gan.generators.trained_generator import TrainedGenerator
from gan.report.loading_code import usage
from gan.report.model_card import Card
from gan.runs.reading import Run

SECTIONS = ["How to use", "Training data", "Training procedure", "Evaluation", "Limitations", "Licence"]
FILES = {"generator.safetensors": "the bundle", "generator.onnx": "ONNX", "generator.pt2": "torch.export"}


def card(trained: TrainedGenerator, run: Run | None = None, licence: str = "unknown") -> str:
    return Card(trained, run, licence, FILES, "samples.png").text()


def header(text: str) -> dict[str, Any]:
    parts = re.fullmatch(r"---\n(.*?)---\n\n# .*", text, re.DOTALL)
    assert parts is not None
    found = yaml.safe_load(parts[1])
    assert isinstance(found, dict)
    return found


def test_of_a_bundle_that_knows_little(tmp_path: Path) -> None:
    text = card(load_generator(whole_bundle(tmp_path)))
    assert header(text) == {
        "license": "unknown",
        "library_name": "gan",
        "tags": ["gan", "mlp", "pytorch", "onnx"],
        "pipeline_tag": "unconditional-image-generation",
    }
    for told in (
        "# mlp-generator",
        "grey images of 4 × 5 pixels",
        "The training data is unknown",
        "This model has not been evaluated.",
        "It has not been tested for copies of training images.",
        "No licence has been chosen",
    ):
        assert told in text
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == SECTIONS


def test_of_a_measured_run(tmp_path: Path) -> None:
    run = conditional_bundle(tmp_path, ("Bag", "Coat", "Dress"))
    measured = {"fcd": 3.25, "fcd_ratio": 8.0, "copied": 0.02, "missing": ["Coat"], "data": "fashion", "n": 500}
    add_quality(run, {"quality": {**measured, "extractors": {"fashion_classifier": "ab" * 32}}})
    trained = load_generator(run)
    trained.metadata["data"] |= {"name": "fashion_sample", "origin": "the bundled\nsample"}
    trained.metadata["trained"] = {"images_seen": 180_000}
    settings = {"model": {"name": "mlp"}, "data": {"root": "/home/me"}, "objective": {"name": "hinge"}}
    words = ["train.py", "experiment=lsgan", "data.root=/home/me", "hydra.run.dir=/home/me/run"]
    facts = {"command": words, "versions": {"torch": "2.12"}, "ended": {"seconds": 60}}
    text = card(trained, Run(run, settings, facts), "apache-2.0")
    found = header(text)
    assert (found["license"], found["datasets"]) == ("apache-2.0", ["zalando-datasets/fashion_mnist"])
    (result,) = found["model-index"][0]["results"]
    assert {one["name"]: one["value"] for one in result["metrics"]} == {"FCD": 3.25, "×floor": 8.0, "missing": 1}
    assert result["dataset"]["name"] == "fashion"
    assert "| FCD | 3.25 |" in text
    assert "Measured by `gan evaluate` with 500 samples against fashion." in text
    assert r"fashion\_classifier (sha256 abababababababab)" in text
    assert "It generates almost no images of these classes: Coat." in text
    assert "2.0% of its images may be copies of training images" in text
    assert "Trained on the bundled sample." in text
    assert "Licence of the images: MIT" in text
    assert "```\npython train.py experiment=lsgan\n```" in text
    assert "name: hinge" in text
    assert "/home/me" not in text
    assert "- images seen: 180,000" in text


def in_training(tmp_path: Path, ended: dict[str, Any], rows: str = "") -> str:
    """The card of a run that was measured while it trained, and by nobody since."""
    run = conditional_bundle(tmp_path, ("Bag", "Coat", "Dress"))
    (run / "metrics.csv").write_text(f"step,images_seen,quality/fcd,quality/missing,train/d_loss\n{rows}")
    trained = load_generator(run)
    trained.metadata["data"] |= {"name": "fashion_sample", "origin": "the bundled sample"}
    settings = {"callbacks": {"quality": {"every": 150_000, "n": 2000}}}
    return card(trained, Run(run, settings, {"ended": ended} if ended else {}))


@pytest.mark.parametrize(
    ("ended", "rows"),
    [
        ({"seconds": 3.0, "quality/fcd": 14.84, "quality/missing": 2.0}, ""),
        ({}, "1,100,20.5,3,\n2,200,14.84,2,\n3,300,,,0.5\n"),  # one that still trains, or was killed
    ],
)
def test_of_a_run_that_was_measured_while_it_trained(ended: dict[str, Any], rows: str, tmp_path: Path) -> None:
    text = in_training(tmp_path, ended, rows)
    assert "| metric during training | value |\n| --- | --- |\n| quality/fcd | 14.8 |\n| quality/missing | 2 |" in text
    assert "Measured during training with 2,000 samples and the feature extractors of fashion." in text
    assert "has not been evaluated" not in text
    assert "Its quality has not been measured" not in text
    assert "model-index" not in header(text)  # where numbers of other counts would be compared with these


@pytest.mark.parametrize("ended", [{"seconds": 3.0}, {"quality/fcd": float("nan"), "quality/kid": "<b>"}])
def test_without_a_number_nothing_was_measured(ended: dict[str, Any], tmp_path: Path) -> None:
    assert "has not been evaluated" in in_training(tmp_path, ended)


@pytest.mark.parametrize("bundle", [whole_bundle, codes_bundle, points_bundle, "conditional", "uniform"])
def test_its_code_makes_images(bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs onnxruntime is run in tests/commands/test_export_command.py; here the latents are looked at."""
    if bundle == "conditional":
        path = conditional_bundle(tmp_path, ("Bag", "Coat", "Dress"))
    else:
        path = (whole_bundle if bundle == "uniform" else bundle)(tmp_path)
    trained = load_generator(path)
    if bundle == "uniform":
        trained.metadata |= metadata("uniform")
    monkeypatch.chdir(path if path.is_dir() else path.parent)
    ours, onnx, pt2 = re.findall(r"```python\n(.*?)```", usage(trained, FILES), re.DOTALL)
    made: dict[str, Any] = {}
    exec(ours, made)
    assert made["images"].shape == (16, *trained.image_shape)
    for code in (onnx, pt2):
        inputs = re.search(r"^random = .*?(?=^session|^generate)", code, re.DOTALL | re.MULTILINE)
        assert inputs is not None
        given: dict[str, Any] = {"np": np}
        exec(inputs[0], given)
        assert given["z"].dtype == np.float32
        _like_the_prior(given["z"], trained.prior)
        assert ("labels" in given) == trained.conditional


def _like_the_prior(z: np.ndarray, prior: Prior) -> None:
    assert z.shape == (16, prior.width)
    assert (np.abs(z[:, : prior.latent_dim]).max() > 1) == (prior.name == "normal")
    end = prior.latent_dim + sum(prior.categorical)
    if prior.categorical:
        assert (z[:, prior.latent_dim : end].sum(axis=1) == 1).all()
    assert (np.abs(z[:, end:]) <= 1).all()


HOSTILE = "<script>x</script>\n\n```\n# [a](javascript:b) | ![c](d) https://e.f www.g.h @i"


def test_no_name_from_a_file_is_markdown_or_html(tmp_path: Path) -> None:
    """The strings of a bundle and of a run folder that reach a card, each one hostile."""
    trained = load_generator(conditional_bundle(tmp_path, ("Bag", "Coat", "Dress")))
    trained.metadata["data"] = {"name": HOSTILE, "origin": HOSTILE, "class_names": [HOSTILE] * 3}
    trained.metadata["trained"] = {HOSTILE: 3, "epochs": HOSTILE, "seed": 10**400}
    quality = {"fcd": 1.0, "n": HOSTILE, "data": HOSTILE, "missing": [HOSTILE], "extractors": {HOSTILE: HOSTILE}}
    trained.metadata["quality"] = {"quality": quality}
    facts = {
        "machine": {"device": HOSTILE},
        "versions": {HOSTILE: HOSTILE},
        "git": {"commit": HOSTILE},
        "command": ["train.py", HOSTILE],
        "ended": {"seconds": 3.0, f"quality/{HOSTILE}": 3.0},
    }
    run = Run(tmp_path, {"model": {"name": HOSTILE, HOSTILE: [HOSTILE]}}, facts)
    unmeasured = load_generator(conditional_bundle(tmp_path / "again", ("Bag",)))
    unmeasured.metadata["data"] = trained.metadata["data"]
    for text in (card(trained), card(trained, run), card(unmeasured, run)):
        body = text.partition("---\n\n# ")[2]
        prose = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", body, flags=re.DOTALL | re.MULTILINE)  # as it is
        prose = re.sub(r"(?<!\\)`[^`\n]*`", "", prose)
        assert header(text)["license"] == "unknown"
        assert re.findall(r"^#+ (.*)", prose, re.MULTILINE) == SECTIONS
        for raw in ("<script", "```", "[a](javascript", "![c]", "https://e", "www.g", "@i", " | !"):
            assert raw not in prose, raw


def test_odd_measures_make_a_card_too(tmp_path: Path) -> None:
    trained = load_generator(whole_bundle(tmp_path))
    odd = {"fcd": 10**400, "copied": 10**400, "missing": 3, "extractors": [1], "data": {}, "n": None}
    trained.metadata["quality"] = {"quality": odd}
    assert "This model has not been evaluated." in card(trained)
