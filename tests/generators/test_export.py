"""Exports for other runtimes: as the original, for any number of latents, and refused where they are not."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from option_classes import build_generator
from tiny_bundles import codes_bundle, conditional_bundle, points_bundle

from gan import load_generator
from gan.game.latents import Prior
from gan.generators import export as exporting
from gan.generators.bundle import describe
from gan.generators.export import LATENTS, OPSET, TOLERANCE, Exported, check_packages, export
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError


@pytest.fixture
def clothes(tmp_path: Path) -> TrainedGenerator:
    return load_generator(conditional_bundle(tmp_path, ("Bag", "Coat", "Dress")))


def test_pt2_with_classes(clothes: TrainedGenerator) -> None:
    made = export(clothes, "pt2")
    assert made.difference <= TOLERANCE
    assert made.runtime == f"torch {torch.__version__}"
    told = {"gan": ""}
    generate = torch.export.load(io.BytesIO(made.content), extra_files=told).module()
    assert json.loads(told["gan"]) == clothes.metadata
    z, labels = clothes.latents(7, seed=3), torch.arange(7) % 3
    for count in (1, 7):
        images = generate(z[:count], labels[:count])
        pixels = (255 * images).round().to(torch.uint8).numpy()
        assert np.array_equal(pixels, clothes.decode(z[:count], labels[:count]))


def test_points_are_not_cut_off_at_the_edge_of_the_picture(tmp_path: Path) -> None:
    points = load_generator(points_bundle(tmp_path))
    with torch.no_grad():
        next(points.generator.parameters()).mul_(100)
        points.metadata["std"] = 3.0
    generate = torch.export.load(io.BytesIO(export(points, "pt2").content)).module()
    z = points.latents(50, seed=1)
    expected = points.decode(z)
    assert expected.max() > 1
    assert np.allclose(generate(z).numpy(), expected, atol=1e-6)


def test_no_path_of_this_machine_is_handed_on(clothes: TrainedGenerator) -> None:
    assert str(Path(exporting.__file__).parent).encode() not in export(clothes, "pt2").content


@pytest.mark.parametrize("by", [2e-5, float("nan")])
def test_what_differs_is_refused(clothes: TrainedGenerator, monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    honest = exporting._by_torch

    def off(content: bytes, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, str]:
        images, runtime = honest(content, inputs)
        images[LATENTS - 1] += by
        return images, runtime

    monkeypatch.setattr(exporting, "_by_torch", off)
    with pytest.raises(
        GanError, match=r"pt2: the exported generator differs by up to (2e-05|nan) .*nothing was written"
    ):
        export(clothes, "pt2")


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_package_that_is_not_there(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> None:
        if name == package:
            raise ImportError

    monkeypatch.setattr("gan.generators.export.importlib.import_module", import_module)
    with pytest.raises(
        GanError, match=rf"the package {package} is not installed: pip install onnx onnxscript onnxruntime"
    ):
        check_packages("onnx")
    check_packages("pt2")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("mlp", {"hidden": [8], "conditioning": "batch_norm", "normalization": "batch"}),
        ("dcgan", {"base_channels": 4, "conditioning": "batch_norm"}),
        ("resnet", {"base_channels": 4, "conditioning": "concat"}),
        ("r3gan", {"base_channels": 16, "conditioning": "concat"}),
    ],
)
def test_onnx_of_each_family_takes_labels_and_truncated_latents(family: str, settings: dict[str, Any]) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="gan[export] is not installed")
    import onnxruntime

    prior, shape = Prior("normal", 6), (1, 16, 16)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_generator(family, latent_dim=6, image_shape=shape, num_classes=3, **settings)
    described = describe(family, settings, prior=prior, image_shape=shape, mean=0.5, std=0.5, num_classes=3)
    trained = TrainedGenerator(network, described)
    made = export(trained, "onnx")
    assert made.difference <= TOLERANCE
    session = onnxruntime.InferenceSession(made.content, providers=["CPUExecutionProvider"])
    z, labels = trained.latents(7, seed=3, truncation=0.5), torch.arange(7) % 3
    (images,) = session.run(None, {"z": z.numpy(), "labels": labels.numpy()})
    assert np.abs((255 * images).round() - trained.decode(z, labels)).max() <= 1


def test_onnx_with_codes(tmp_path: Path) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="gan[export] is not installed")
    import onnx
    import onnxruntime

    codes = load_generator(codes_bundle(tmp_path))
    made = export(codes, "onnx")
    assert isinstance(made, Exported)
    assert made.difference <= TOLERANCE
    assert made.runtime == f"onnxruntime {onnxruntime.__version__}"
    model = onnx.load_from_string(made.content)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", OPSET)]
    assert [(one.key, json.loads(one.value)) for one in model.metadata_props] == [("gan", codes.metadata)]
    session = onnxruntime.InferenceSession(made.content, providers=["CPUExecutionProvider"])
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("z", ["N", codes.prior.width])]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("images", ["N", *codes.image_shape])]
    z = codes.latents(5, seed=3)
    (images,) = session.run(None, {"z": z.numpy()})
    assert np.abs((255 * images).round() - codes.decode(z)).max() <= 1
