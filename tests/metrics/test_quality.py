"""All measures of a set of images and of a generator: of real images the floor, of nothing else so good."""

import json
import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from option_classes import build_generator
from real_images import few_of, noisy, sample_of
from torch import Tensor

from gan.game.latents import Prior
from gan.generators.bundle import TrainedGenerator, describe
from gan.metrics.extractors import KINDS
from gan.metrics.quality import evaluate, measure
from gan.metrics.reference import Reference
from gan.metrics.report import table
from gan.system.errors import GanError

MLP: dict[str, Any] = {"hidden": [8], "activation": "relu", "negative_slope": 0.0, "dropout": 0.0}


def untrained() -> TrainedGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = build_generator("mlp", latent_dim=4, image_shape=(1, 28, 28), **MLP)
    metadata = describe("mlp", MLP, prior=Prior("normal", 4), image_shape=(1, 28, 28), mean=0.5, std=0.5)
    return TrainedGenerator(generator, metadata)


def stand_in(images: Tensor, **metadata: Any) -> Any:
    """A generator that draws these images; it keeps the labels that it was asked for."""
    drawn = SimpleNamespace(metadata=metadata, image_shape=tuple(images.shape[1:]), asked=None)

    def sample(count: int, *, seed: int = 0, labels: Tensor | None = None) -> np.ndarray:
        drawn.asked = labels
        return images[:count].numpy()

    drawn.sample = sample
    return drawn


def test_held_out_images_get_the_floor(reference: Reference) -> None:
    held_out = sample_of("mnist").held_out_images
    found = measure(held_out, reference, kid_subset=300)
    assert (found.n, found.compared, found.data) == (1000, 1000, "mnist_sample")
    assert found.fcd_ratio == pytest.approx(1, abs=1e-6)
    assert found.fcd_autoencoder_ratio == pytest.approx(1, abs=1e-6)
    assert found.fcd == pytest.approx(found.fcd_floor, abs=1e-9)
    assert found.kid == pytest.approx(found.kid_floor, abs=3 * found.kid_std)
    assert found.score == pytest.approx(found.score_floor, rel=1e-6)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert found.copied == pytest.approx(0.01)
    assert found.memorisation == 1
    assert found.missing == []
    assert sum(found.class_shares) == pytest.approx(1)
    assert (found.label_accuracy, found.modes, found.reverse_kl) == (None, None, None)
    assert set(found.extractors) == {f"mnist_{kind}" for kind in KINDS}


def test_noisy_images_are_worse_by_every_distance(reference: Reference) -> None:
    real = sample_of("mnist").held_out_images
    good, bad = (
        measure(images, reference, kid_subset=300, look_for_copies=False) for images in (real, noisy(real, 0.3))
    )
    assert bad.fcd > good.fcd
    assert bad.fcd_ratio > 2
    assert bad.fcd_autoencoder_ratio > 2
    assert bad.kid > good.kid + good.kid_std
    assert bad.coverage < good.coverage
    assert bad.score < good.score
    assert bad.copied is None


def test_the_same_call_gives_the_same_numbers(reference: Reference) -> None:
    first, again, other = (
        evaluate(untrained(), reference, n=200, seed=seed, kid_subset=100, look_for_copies=False) for seed in (0, 0, 1)
    )
    assert first == again != other
    assert all(math.isfinite(value) for value in vars(first).values() if isinstance(value, float))
    assert json.loads(json.dumps(first.to_dict())) == first.to_dict()


def test_a_generator_that_has_collapsed_is_measured(reference: Reference) -> None:
    found = measure(few_of("mnist").images[:1].repeat(300, 1, 1, 1), reference, kid_subset=200)
    assert len(found.missing) == 9
    assert found.kl_uniform == pytest.approx(math.log(10))
    assert found.score == pytest.approx(1)
    assert found.recall == 0
    assert found.copied == 1
    assert all(math.isfinite(value) for value in vars(found).values() if isinstance(value, float))


def test_a_conditional_generator_is_asked_for_all_classes_in_turn(reference: Reference) -> None:
    sample = sample_of("mnist")
    in_turn = torch.stack([sample.images[sample.labels == index][:30] for index in range(10)], dim=1).flatten(0, 1)
    generator = stand_in(in_turn, num_classes=10)
    found = evaluate(generator, reference, n=300, kid_subset=100)
    assert generator.asked.tolist() == list(range(10)) * 30
    assert found.label_accuracy is not None
    assert found.label_accuracy > 0.98
    turned = evaluate(stand_in(in_turn.roll(1, 0), num_classes=10), reference, n=300, kid_subset=100)
    assert turned.label_accuracy is not None
    assert turned.label_accuracy < 0.02


def test_classes_are_compared_by_their_names(reference: Reference) -> None:
    sample = sample_of("mnist")
    order = [str(digit) for digit in reversed(range(10))]
    in_turn = torch.stack([sample.images[sample.labels == int(name)][:30] for name in order], dim=1).flatten(0, 1)
    other_order = stand_in(in_turn, num_classes=10, data={"class_names": order})
    found = evaluate(other_order, reference, n=300, kid_subset=100)
    assert other_order.asked.tolist() == list(range(10)) * 30
    assert found.label_accuracy is not None
    assert found.label_accuracy > 0.98
    letters = stand_in(in_turn, num_classes=10, data={"class_names": list("abcdefghij")})
    found = evaluate(letters, reference, n=300, kid_subset=100, train_on_them=True)
    assert (found.label_accuracy, found.fcd_by_class, found.accuracy_score) == (None, None, None)


def test_the_class_with_bad_images_has_the_highest_fcd(reference: Reference) -> None:
    sample = sample_of("mnist")
    images = torch.cat([sample.images[sample.labels == index][:100] for index in range(10)])
    labels = torch.arange(10).repeat_interleave(100)
    images[300:400] = noisy(images[300:400], 0.3)
    found = measure(images, reference, labels=labels, kid_subset=300, look_for_copies=False)
    assert found.fcd_by_class is not None
    assert found.fcd_by_class_floor is not None
    second, worst = sorted(found.fcd_by_class, key=found.fcd_by_class.__getitem__)[-2:]
    assert worst == "3"
    assert found.fcd_by_class[worst] > 10 * found.fcd_by_class[second]
    assert max(found.fcd_by_class_floor.values()) < 3
    line = r"x: FCD of one class: \d\.\d+ \(\d; real images \d.*\) to \d+\.\d+ \(3; real images \d"
    assert re.search(line, table([("x", found)]))
    assert measure(images, reference, kid_subset=300, look_for_copies=False).fcd_by_class is None
    few = measure(images[::2], reference, labels=labels[::2], kid_subset=300, look_for_copies=False)
    assert few.fcd_by_class is None  # 50 images of a class are fewer than its features
    other = measure(images, reference, labels=labels % 5, kid_subset=300, look_for_copies=False)
    assert other.fcd_by_class is None  # a generator of five classes, compared with a dataset of ten


def test_a_class_with_few_real_images_has_no_fcd_of_its_own() -> None:
    sample = few_of("mnist")
    kept = (sample.held_out_labels != 4) | (sample.held_out_labels.eq(4).cumsum(0) <= 1)
    one = replace(sample, held_out_images=sample.held_out_images[kept], held_out_labels=sample.held_out_labels[kept])
    labels = torch.arange(10).repeat_interleave(70)
    images = torch.cat([sample.images[sample.labels == index][:70] for index in range(10)])
    found = measure(images, Reference(one), labels=labels, kid_subset=300, look_for_copies=False)
    assert found.fcd_by_class is None
    assert found.label_accuracy is not None


def test_other_images_of_the_same_name_are_another_identity(reference: Reference) -> None:
    sample = few_of("mnist")
    same = Reference(replace(sample, images=sample.images.clone()))
    fewer = Reference(replace(sample, images=sample.images[:-1], labels=sample.labels[:-1]))
    assert same.identity == reference.identity
    assert fewer.identity != reference.identity
    assert (fewer.name, fewer.identity["extractors"]) == (reference.name, reference.identity["extractors"])


def test_stacked_digits() -> None:
    sample = few_of("mnist")
    reference = Reference(sample, channels=3)
    assert reference.name == "stacked_mnist_sample"
    assert reference.num_features == 192
    images = sample.held_out_images
    random = torch.Generator().manual_seed(9)
    stacks = torch.cat([images[torch.randperm(1000, generator=random)] for _ in range(3)], dim=1)
    found = measure(stacks, reference, kid_subset=300)
    assert found.modes is not None
    assert 550 < found.modes < 700  # 1000 draws of 1000 modes leave one in e untouched
    assert found.reverse_kl is not None
    assert 0 < found.reverse_kl < 1
    assert found.fcd_ratio == pytest.approx(1, abs=0.1)
    assert found.copied is None
    assert len(found.class_shares) == 10
    same_digits = measure(images.repeat(1, 3, 1, 1), reference, kid_subset=300)
    assert same_digits.modes == 10
    assert same_digits.fcd_ratio > 2


def test_points_are_no_images(reference: Reference) -> None:
    with pytest.raises(GanError, match="2-D points"):
        evaluate(stand_in(torch.zeros(100, 2, 1, 1), points=True), reference)


def test_too_few_images(reference: Reference) -> None:
    images = sample_of("mnist").images
    with pytest.raises(GanError, match="n: 64 images given; more than 64 expected"):
        measure(images[:64], reference)
    with pytest.raises(GanError, match=r"KID: subsets of 1000 images given; 2 to 500 expected"):
        measure(images[:500], reference, kid_subset=1000)
    with pytest.raises(GanError, match="images of 3 channels given"):
        measure(images[:500].repeat(1, 3, 1, 1), reference)
    with pytest.raises(GanError, match="no such option 'kmnist'"):
        Reference(replace(sample_of("mnist"), name="kmnist"))


def test_few_training_images_get_smaller_subsets_for_kid() -> None:
    sample = few_of("mnist")
    data = replace(sample, images=sample.images[:400], labels=sample.labels[:400])
    reference = Reference(data)
    held_out = data.held_out_images.repeat(4, 1, 1, 1)[:1200]
    assert measure(held_out, reference).kid_subset == len(data.images)
    with pytest.raises(GanError, match=f"KID: subsets of 999 images given; 2 to {len(data.images)} expected"):
        measure(held_out, reference, kid_subset=999)


def test_held_out_images_that_are_the_training_images_are_refused() -> None:
    data = sample_of("mnist")
    same = replace(data, held_out_images=data.images, held_out_labels=data.labels)
    with pytest.raises(GanError, match="the held-out images of mnist_sample are the training images"):
        Reference(same)
