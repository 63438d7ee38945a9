"""The shipped extractors: how good they are, that they are frozen, and that an image is seen alike in any company."""

from pathlib import Path

import numpy as np
import pytest
import torch
from real_images import SETS, as_bytes, sample_of
from safetensors.torch import save
from torchmetrics.image.fid import FrechetInceptionDistance

from gan.metrics.extractors import KINDS, WEIGHTS, Extractor, load_extractor, read_extractor
from gan.metrics.frechet import Moments, distance
from gan.metrics.networks import Autoencoder, as_input
from gan.system.errors import GanError

AT_LEAST = {"mnist": 0.994, "fashion": 0.925}


@pytest.mark.parametrize("kind", ["classifier", "labeller"])
@pytest.mark.parametrize("data", SETS)
def test_they_are_as_good_as_promised(data: str, kind: str) -> None:
    """The bundled digits and clothes are the test sets, which they were not trained on."""
    extractor, sample = load_extractor(data, kind), sample_of(data)
    images = torch.cat([sample.images, sample.held_out_images])[5000:]
    labels = torch.cat([sample.labels, sample.held_out_labels])[5000:]
    found = extractor.logits(extractor.features(images))[:, 0].argmax(1)
    assert float((found == labels).float().mean()) >= AT_LEAST[data]
    assert extractor.metadata["test"] >= AT_LEAST[data]


def test_the_labeller_knows_digits_among_speckles(labeller: Extractor) -> None:
    """As small GANs draw them: else whole classes would be reported as missing that are there."""
    sample = sample_of("mnist")
    random = torch.Generator().manual_seed(0)
    pixels = torch.rand(sample.held_out_images.shape, generator=random)
    replaced = torch.rand(pixels.shape, generator=random) < 0.08
    speckled = torch.where(replaced, as_bytes(pixels), sample.held_out_images)
    found = labeller.logits(labeller.features(speckled))[:, 0].argmax(1)
    assert float((found == sample.held_out_labels).float().mean()) > 0.97


@pytest.mark.parametrize("data", SETS)
def test_the_autoencoder_draws_images_again(data: str) -> None:
    extractor = load_extractor(data, "autoencoder")
    images = as_input(sample_of(data).held_out_images)
    assert isinstance(extractor.network, Autoencoder)
    with torch.no_grad():
        drawn = extractor.network(images).sigmoid()
    error = (drawn - images).square().mean().sqrt()
    assert error < 0.5 * images.std()
    assert error == pytest.approx(extractor.metadata["test"], rel=0.1)


@pytest.mark.parametrize("data", SETS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shipped(data: str, kind: str) -> None:
    extractor = load_extractor(f"{data}_sample", kind)
    path = WEIGHTS / f"{extractor.name}.safetensors"
    assert path.stat().st_size < 2_000_000
    assert extractor.metadata["data"] == data
    assert extractor.metadata["command"].startswith(f"gan metrics train-extractor --data {data} --kind {kind}")
    assert extractor.metadata["trained_on"] == 60_000
    assert len(extractor.sha256) == 64
    assert extractor.num_features == 64


def test_it_is_frozen(extractor: Extractor) -> None:
    images = sample_of("mnist").held_out_images[:300]
    before = extractor.features(images)
    torch.nn.Sequential(extractor).train()
    assert not any(module.training for module in extractor.modules())
    assert not any(parameter.requires_grad for parameter in extractor.parameters())
    assert torch.equal(extractor.features(images), before)


def test_features_are_in_units_of_how_real_images_vary(extractor: Extractor) -> None:
    variance = Moments.of(extractor.features(sample_of("mnist").images[:4000])).covariance.diagonal().mean()
    assert variance == pytest.approx(1, abs=0.1)


def test_an_image_is_seen_alike_in_any_company(extractor: Extractor) -> None:
    images = sample_of("mnist").held_out_images[:700]
    whole = extractor.features(images)
    order = torch.randperm(700, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.cat([extractor.features(part) for part in images.split(97)]), whole)
    assert torch.equal(extractor.features(images[order]), whole[order])


def test_parts_on_several_ranks_give_the_distance_of_the_whole(extractor: Extractor) -> None:
    images = sample_of("mnist").images[:1500]
    real = Moments.of(extractor.features(sample_of("mnist").held_out_images))
    whole = distance(Moments.of(extractor.features(images)), real)
    ranks = [Moments.of(extractor.features(images[rank::3])) for rank in range(3)]
    sums = Moments(*(sum(parts[1:], parts[0]) for parts in zip(*(vars(rank).values() for rank in ranks), strict=True)))
    assert distance(sums, real) == pytest.approx(whole, abs=1e-9)


def test_arrays_other_sizes_and_channels(extractor: Extractor) -> None:
    images = sample_of("mnist").held_out_images[:40]
    grey = extractor.features(images)
    assert torch.equal(extractor.features(images.numpy()), grey)
    doubled = np.kron(images.numpy(), np.ones((1, 1, 2, 2), np.uint8))
    assert Moments.of(extractor.features(doubled) - grey).covariance.diagonal().mean() < 0.2
    stack = torch.cat([images, images.flip(0)], dim=1)
    assert torch.equal(extractor.features(stack), torch.cat([grey, grey.flip(0)], dim=1))


def test_only_bytes_are_images(extractor: Extractor) -> None:
    with pytest.raises(ValueError, match=r"uint8 images \(N, C, H, W\) expected, not torch.float32 \(1, 1, 28, 28\)"):
        extractor.features(torch.zeros(1, 1, 28, 28))


def test_no_images_have_no_features(extractor: Extractor) -> None:
    assert extractor.features(torch.zeros(0, 1, 28, 28, dtype=torch.uint8)).shape == (0, 64)


def test_an_autoencoder_knows_no_classes() -> None:
    with pytest.raises(GanError, match="mnist_autoencoder has no classes"):
        load_extractor("mnist", "autoencoder").logits(torch.zeros(1, 64))


def test_torchmetrics_can_use_it(classifier: Extractor) -> None:
    sample = sample_of("mnist")
    metric = FrechetInceptionDistance(feature=classifier, input_img_size=(1, 28, 28), normalize=True)
    metric.update(sample.images[:400] / 255, real=True)
    metric.update(sample.held_out_images[:400] / 255, real=False)
    ours = [Moments.of(classifier.features(part[:400])) for part in (sample.images, sample.held_out_images)]
    assert float(metric.compute()) == pytest.approx(distance(*ours), rel=1e-4)


def test_sets_without_an_extractor() -> None:
    expected = r"no such option 'mnits'; did you mean 'mnist'\? choices: fashion, mnist\. To make one .*--data mnits"
    with pytest.raises(GanError, match=expected):
        load_extractor("mnits")


def test_files_that_are_no_extractors(tmp_path: Path) -> None:
    with pytest.raises(GanError, match="there is no such file"):
        read_extractor(tmp_path / "none.safetensors")
    for content in (b"", b"junk" * 100, save({"x": torch.zeros(1)}), save({}, {"extractor": "{}"})):
        (tmp_path / "bad.safetensors").write_bytes(content)
        with pytest.raises(GanError, match=r"bad\.safetensors: not a"):
            read_extractor(tmp_path / "bad.safetensors")
