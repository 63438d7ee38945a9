"""Each measure moves the right way, step by step, as real images are made worse."""

from collections.abc import Callable, Iterator

import pytest
import torch
from real_images import SETS, blurred, duplicated, few_of, noisy, sample_of, shifted
from torch import Tensor

from gan.metrics.extractors import load_extractor
from gan.metrics.frechet import Moments, distance
from gan.metrics.kernel import kernel_distance
from gan.metrics.neighbours import memorisation, neighbourhoods
from gan.metrics.reference import Reference

COUNT = 500
INSTRUMENTS = [(data, kind) for data in SETS for kind in ("classifier", "autoencoder")]
CORRUPTIONS: dict[str, tuple[Callable[[Tensor, float], Tensor], tuple[float, ...]]] = {
    "noise": (noisy, (0.0, 0.05, 0.1, 0.2)),
    "blur": (blurred, (0.0, 0.3, 0.6, 1.0)),
    "shift": (lambda images, pixels: shifted(images, int(pixels)), (0, 1, 2, 3)),
    "duplicated": (lambda images, part: duplicated(images, int(COUNT * (1 - part))), (0, 0.75, 0.95, 0.99)),
}


class Seen:
    """Real images of a set in the features of one extractor, and those to be made worse."""

    def __init__(self, data: str, kind: str) -> None:
        sample = sample_of(data)
        # in their own order the images of MNIST change with who wrote them
        order = torch.randperm(len(sample.images), generator=torch.Generator().manual_seed(0))
        self.extractor = load_extractor(data, kind)
        self.images, self.labels = sample.images[order[:COUNT]], sample.labels[order[:COUNT]]
        self.real = self.extractor.features(sample.images[order[-3000:]])
        self.moments = Moments.of(self.real)

    def fcd(self, features: Tensor) -> float:
        return distance(Moments.of(features), self.moments)

    def kid(self, features: Tensor) -> float:
        return kernel_distance(self.real, features, subsets=5, subset_size=250)[0]


@pytest.fixture(scope="module", params=INSTRUMENTS, ids="-".join)
def seen(request: pytest.FixtureRequest) -> Iterator[Seen]:
    yield Seen(*request.param)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_distances_rise_under(seen: Seen, name: str) -> None:
    corrupt, amounts = CORRUPTIONS[name]
    features = [seen.extractor.features(corrupt(seen.images, amount)) for amount in amounts]
    for measure in (seen.fcd, seen.kid):
        found = [measure(worse) for worse in features]
        assert found == sorted(found), f"{measure.__name__} {found}"
        assert found[-1] > 2 * found[0]


def test_distances_rise_and_coverage_falls_as_classes_go_missing(seen: Seen) -> None:
    features = seen.extractor.features(seen.images)
    fewer = [features[seen.labels < classes] for classes in (10, 8, 6)]
    for measure in (seen.fcd, seen.kid):
        found = [measure(worse) for worse in fewer]
        assert found == sorted(found)
        assert found[-1] > 2 * found[0]
    covered = [neighbourhoods(seen.real[:COUNT], worse) for worse in fewer]
    assert [-part.coverage for part in covered] == sorted(-part.coverage for part in covered)
    assert [-part.recall for part in covered] == sorted(-part.recall for part in covered)


@pytest.mark.parametrize(("name", "falling"), [("noise", "coverage"), ("duplicated", "recall")])
def test_what_falls_under(seen: Seen, name: str, falling: str) -> None:
    corrupt, amounts = CORRUPTIONS[name]
    found = [
        getattr(neighbourhoods(seen.real[:COUNT], seen.extractor.features(corrupt(seen.images, amount))), falling)
        for amount in amounts
    ]
    assert found == sorted(found, reverse=True), found
    assert found[-1] < 0.9 * found[0]


def test_copies_of_training_images_show(reference: Reference) -> None:
    sample = few_of("mnist")
    parts = (0, 200, 500, 1000)
    found = [
        memorisation(
            reference.nearest_training_image(torch.cat([sample.images[:part], sample.held_out_images[part:]]))[0],
            reference.held_out_nearness,
        )
        for part in parts
    ]
    assert [round(each.copied, 2) for each in found] == pytest.approx([part / 1000 for part in parts], abs=0.011)
    assert [each.ratio for each in found] == sorted((each.ratio for each in found), reverse=True)
    assert found[0].ratio == pytest.approx(1)
    assert found[-1].ratio == pytest.approx(0, abs=1e-2)


def test_a_generator_that_draws_one_image_has_finite_distances(seen: Seen) -> None:
    for images in (seen.images[:1].repeat(COUNT, 1, 1, 1), torch.zeros_like(seen.images)):
        features = seen.extractor.features(images)
        assert 10 < seen.fcd(features) < 1e4
        assert 0.01 < seen.kid(features) < 1e4
        assert neighbourhoods(seen.real[:COUNT], features).coverage < 0.1
