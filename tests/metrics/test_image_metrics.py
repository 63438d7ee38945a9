"""The measures as metrics of torchmetrics: what `measure` finds, over batches, processes and resets, in one pass."""

import json
import math
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from real_images import few_of, noisy
from torch import Tensor, nn
from torchmetrics import MetricCollection

from gan.metrics import (
    ClassBalance,
    Extractor,
    FrechetDistance,
    KernelDistance,
    Memorisation,
    PrecisionRecall,
    Reference,
    SharedFeatures,
    load_extractor,
    measure,
)
from gan.system.errors import GanError

Gaussian = Callable[..., Tensor]
ROOT = Path(__file__).parents[2]


def all_metrics(held_out: Tensor, subsets: int = 10, **arguments: Any) -> SharedFeatures:
    classifier, autoencoder = load_extractor("mnist"), load_extractor("mnist", "autoencoder")
    return SharedFeatures(
        {
            "fcd": FrechetDistance(classifier, **arguments),
            "fcd_autoencoder": FrechetDistance(autoencoder, **arguments),
            "kernel": KernelDistance(classifier, subsets=subsets, subset_size=100, **arguments),
            "neighbours": PrecisionRecall(classifier, **arguments),
            "classes": ClassBalance(load_extractor("mnist", "labeller"), **arguments),
            "copies": Memorisation(held_out, **arguments),
        }
    )


def images_and_classes() -> tuple[Tensor, Tensor, Tensor]:
    """Real images, generated ones and the classes asked for."""
    sample = few_of("mnist")
    return sample.images[:300], noisy(sample.held_out_images[:250], 0.1), sample.held_out_labels[:250]


def seen(metrics: SharedFeatures, part: slice = slice(None), *, real_too: bool = True) -> dict[str, float]:
    """The measures after a part of the images, in batches of different sizes."""
    real, fake, classes = images_and_classes()
    for batch in real[part].split(160) if real_too else ():
        metrics.update(batch, real=True)
    for images, labels in zip(fake[part].split(125), classes[part].split(125), strict=True):
        metrics.update(images, real=False, labels=labels)
    return {name: float(value) for name, value in metrics.compute().items()}


@pytest.fixture(scope="module")
def held_out() -> Tensor:
    return few_of("mnist").held_out_images[400:600]


@pytest.fixture(scope="module")
def whole(held_out: Tensor) -> dict[str, float]:
    """The measures of all images, in one process."""
    return seen(all_metrics(held_out))


def test_they_are_what_measure_finds(reference: Reference) -> None:
    sample = few_of("mnist")
    images, labels = noisy(sample.held_out_images[:300], 0.1), sample.held_out_labels[:300]
    metrics = all_metrics(sample.held_out_images, subsets=100)
    for name, metric in metrics.items():  # precision … coverage are held against held-out images
        metric.update(reference.classes.held_out[:300] if name == "neighbours" else sample.images, real=True)
    metrics.update(images[:100], real=False, labels=labels[:100])
    metrics.update(images[100:], real=False, labels=labels[100:])
    found = {name: float(value) for name, value in metrics.compute().items()}
    expected = measure(images, reference, labels=labels, kid_subset=100)
    assert found.pop("missing") == len(expected.missing)
    assert found == pytest.approx({name: getattr(expected, name) for name in found}, rel=1e-9)


def test_a_pickled_collection_goes_on_and_a_reset_one_starts_anew(held_out: Tensor, whole: dict[str, float]) -> None:
    metrics = all_metrics(held_out)
    seen(metrics, slice(0, 110))
    metrics = pickle.loads(pickle.dumps(metrics))
    assert seen(metrics, slice(110, None)) == pytest.approx(whole, rel=1e-9)
    metrics.reset()
    assert seen(metrics) == whole


def test_real_images_are_kept_for_the_next_generated_ones(held_out: Tensor, whole: dict[str, float]) -> None:
    metrics = all_metrics(held_out, reset_real=False)
    assert seen(metrics) == whole
    metrics.reset()
    assert seen(metrics, real_too=False) == whole


class Counting(nn.Module):
    """Features that are the means of the rows; counts how often it is asked."""

    num_features = 4

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def forward(self, images: Tensor) -> Tensor:
        self.batches += 1
        return images.mean(dim=(1, 3))


def test_an_extractor_sees_a_batch_once_and_a_buffer_that_is_filled_anew_is_another(gaussian: Gaussian) -> None:
    network, buffer = Counting(), torch.zeros(40, 1, 4, 4, dtype=torch.float64)
    shared = SharedFeatures({"fcd": FrechetDistance(network), "near": PrecisionRecall(network)})
    alone = MetricCollection({"fcd": FrechetDistance(Counting()), "near": PrecisionRecall(Counting())})
    for number in range(4):
        buffer.copy_(gaussian(40, 16, number, 0.1 * number).reshape(40, 1, 4, 4))
        shared.update(buffer, real=number < 2)
        alone.update(buffer.clone(), real=number < 2)
    assert network.batches == 4
    assert shared.compute() == alone.compute()
    assert float(shared.compute()["fcd"]) > 0


def test_mistakes_say_what_is_expected(gaussian: Gaussian, classifier: Extractor) -> None:
    with pytest.raises(GanError, match="num_features expected, because the extractor does not define it"):
        FrechetDistance(nn.Identity())
    with pytest.raises(GanError, match="192 features given; num_features=64"):
        FrechetDistance(classifier).update(gaussian(3, 192), real=True)
    with pytest.raises(GanError, match=r"\(3, 1, 28, 28\) given; features \(N, D\) expected"):
        PrecisionRecall().update(torch.zeros(3, 1, 28, 28), real=True)
    metric = PrecisionRecall()
    metric.update(gaussian(9, 4), real=True)
    with pytest.raises(GanError, match=r"no fake images given; update\(images, real=False\)"):
        metric.compute()


def in_a_process(rank: int, folder: Path) -> list[dict[str, float]]:
    """The measures as one of two processes has them.

    First of half of the images; then, anew, of half of the generated ones, and the first process has all real ones.
    """
    wait = timedelta(seconds=60)
    dist.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=2, timeout=wait)
    part = slice(0, 140) if rank == 0 else slice(140, None)
    metrics = all_metrics(few_of("mnist").held_out_images[400:600])
    try:
        halves = seen(metrics, part)
        metrics.reset()
        if rank == 0:
            metrics.update(images_and_classes()[0], real=True)
        return [halves, seen(metrics, part, real_too=False)]
    finally:
        dist.destroy_process_group()


def test_two_processes_find_what_one_finds(tmp_path: Path, whole: dict[str, float]) -> None:
    script = (
        "import json, pathlib, sys; from test_image_metrics import in_a_process\n"
        "folder = pathlib.Path(sys.argv[1]); found = in_a_process(1, folder)\n"
        "(folder / 'found.json').write_text(json.dumps(found))"
    )
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "metrics")))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=environment) as other:
        first = in_a_process(0, tmp_path)
    assert other.returncode == 0
    second = json.loads((tmp_path / "found.json").read_text())
    assert [*first, *second] == [pytest.approx(whole, rel=1e-6)] * 4


def test_the_example_in_the_docs_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "measures.md").read_text()
    (example,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "SharedFeatures" in block)
    assert len(example.splitlines()) <= 12
    given = {"my_generator": lambda count: noisy(few_of("mnist").images[:count], 0.1)}
    exec(compile(example, "docs/measures.md", "exec"), given)
    printed = capsys.readouterr().out
    for name in ("fcd", "kid", "recall"):
        assert math.isfinite(float(re.findall(rf"'{name}': tensor\((-?[\d.]+)", printed)[0]))
