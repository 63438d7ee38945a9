"""What discriminators of all families say: heads, classes, codes, and spectral normalisation."""

from typing import Any

import pytest
import torch
from option_classes import build_discriminator
from torch import nn

from gan.game.networks import Discriminator, DiscriminatorOutput

SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [8]},
    "dcgan": {"base_channels": 4, "normalization": "none"},
    "resnet": {"base_channels": 4},
    "r3gan": {"base_channels": 4},
}
FAMILY = pytest.mark.parametrize("family", SMALL)
SEES_LABELS = pytest.mark.parametrize("conditioning", ["concat", "projection", "projection_twin"])
IMAGES = torch.randn(4, 2, 16, 16, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 2, 2, 0])


def discriminator(family: str, **settings: Any) -> Discriminator:
    torch.manual_seed(0)
    return build_discriminator(family, image_shape=(2, 16, 16), num_classes=3, **{**SMALL[family], **settings})


@FAMILY
def test_all_heads_speak_from_one_pass_over_the_trunk(family: str) -> None:
    d = discriminator(family, conditioning="auxiliary", categorical_codes=(10, 4), continuous_codes=2)
    passes = []
    d.trunk.register_forward_hook(lambda *arguments: passes.append(arguments))
    output = d.discriminate(IMAGES, LABELS)
    assert len(passes) == 1
    assert output.logits.shape == (4,)
    assert output.class_logits is not None
    assert output.class_logits.shape == (4, 3)
    assert [logits.shape for logits in output.code_logits] == [(4, 10), (4, 4)]
    assert output.code_means is not None
    assert output.code_means.shape == (4, 2)
    assert torch.equal(d(IMAGES, LABELS), output.logits)


@FAMILY
@pytest.mark.parametrize("conditioning", ["none", "concat", "projection", "auxiliary", "projection_twin"])
def test_forward_gives_the_logits_of_examine(family: str, conditioning: str) -> None:
    d = discriminator(family, conditioning=conditioning)
    output = d.discriminate(IMAGES, LABELS)
    assert torch.equal(d(IMAGES, LABELS), output.logits)
    assert (output.class_logits is None) == (conditioning not in ("auxiliary", "projection_twin"))
    assert (output.twin_class_logits is None) == (conditioning != "projection_twin")
    assert output.code_logits == ()
    assert output.code_means is None
    assert d.conditional == (conditioning != "none")


@pytest.mark.parametrize(("categorical", "continuous"), [((), 0), ((3,), 0), ((), 2), ((2, 5), 1)])
def test_there_are_as_many_codes_as_asked_for(categorical: tuple[int, ...], continuous: int) -> None:
    output = discriminator("mlp", categorical_codes=categorical, continuous_codes=continuous).discriminate(IMAGES)
    assert tuple(logits.shape[1] for logits in output.code_logits) == categorical
    assert (output.code_means is None) == (continuous == 0)
    assert output.code_means is None or output.code_means.shape == (4, continuous)


@FAMILY
@SEES_LABELS
def test_the_class_changes_the_logit(family: str, conditioning: str) -> None:
    d = discriminator(family, conditioning=conditioning)
    logits = [d(IMAGES, torch.full((4,), label)) for label in range(3)]
    assert all((logits[i] - logits[j]).abs().min() > 1e-6 for i, j in ((0, 1), (0, 2), (1, 2)))


@FAMILY
@SEES_LABELS
def test_only_the_embeddings_of_classes_that_occur_get_a_gradient(family: str, conditioning: str) -> None:
    d = discriminator(family, conditioning=conditioning)
    d(IMAGES, LABELS).sum().backward()
    (embedding,) = (m for m in d.modules() if isinstance(m, nn.Embedding))
    assert embedding.weight.grad is not None
    assert (embedding.weight.grad[[0, 2]] != 0).any(dim=1).all()
    assert (embedding.weight.grad[1] == 0).all()


@FAMILY
@SEES_LABELS
def test_a_discriminator_that_looks_at_labels_needs_them_and_says_so(family: str, conditioning: str) -> None:
    with pytest.raises(ValueError, match=r"^this discriminator is conditional: it needs labels, and None were given$"):
        discriminator(family, conditioning=conditioning)(IMAGES)


@FAMILY
@pytest.mark.parametrize("conditioning", ["none", "auxiliary"])
def test_the_others_do_not_look_at_labels(family: str, conditioning: str) -> None:
    d = discriminator(family, conditioning=conditioning)
    assert torch.equal(d(IMAGES, LABELS), d(IMAGES))


def test_the_class_is_one_more_channel() -> None:
    d = discriminator("dcgan", conditioning="concat")
    first = next(m for m in d.modules() if isinstance(m, nn.Conv2d))
    assert first.in_channels == 3
    assert d.label_channel is not None
    both = torch.cat([IMAGES, d.label_channel(LABELS).view(4, 1, 16, 16)], dim=1)
    torch.testing.assert_close(d(IMAGES, LABELS), d.logit_head(d.trunk(both)).squeeze(1))


def test_projection_adds_the_product_of_the_classes_embedding_and_the_features() -> None:
    d = discriminator("resnet", conditioning="projection")
    features = d.trunk(IMAGES)
    assert d.projection is not None
    expected = d.logit_head(features).squeeze(1) + torch.einsum("nf,nf->n", features, d.projection.weight[LABELS])
    torch.testing.assert_close(d(IMAGES, LABELS), expected)


@pytest.mark.parametrize("conditioning", ["concat", "projection", "auxiliary", "projection_twin"])
def test_conditioning_needs_classes(conditioning: str) -> None:
    message = f"^conditioning='{conditioning}' needs num_classes of 1 or more, not 0$"
    with pytest.raises(ValueError, match=message):
        build_discriminator("mlp", image_shape=(1, 4, 4), hidden=[3], conditioning=conditioning)


def test_a_conditioning_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match=r"^conditioning must be one of .*, not 'batch_norm'$"):
        discriminator("mlp", conditioning="batch_norm")


@pytest.mark.parametrize("family", ["mlp", "dcgan", "resnet"])
def test_spectral_norm_makes_the_largest_singular_value_1_in_every_layer(family: str) -> None:
    d = discriminator(family, spectral_norm=True, conditioning="projection", categorical_codes=(2,))
    for _ in range(100):
        d.train()(IMAGES, LABELS)
    d.eval()
    layers = [m for m in d.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
    assert len(layers) >= 5
    for layer in layers:
        assert isinstance(layer.weight, torch.Tensor)
        largest = torch.linalg.svdvals(layer.weight.flatten(1))[0]
        assert abs(largest.item() - 1) < 0.02


def test_without_spectral_norm_weights_are_as_they_are() -> None:
    torch.manual_seed(0)
    d = discriminator("mlp")
    with torch.no_grad():
        d.logit_head.weight.mul_(100)
    assert torch.linalg.svdvals(d.logit_head.weight)[0] > 10
    assert not any("parametrizations" in name for name in d.state_dict())


def test_spectral_norm_normalises_the_weights_that_the_family_began_with() -> None:
    plain, normalised = discriminator("dcgan"), discriminator("dcgan", spectral_norm=True)
    before = dict(plain.named_parameters())
    after = {n.replace("parametrizations.weight.original", "weight"): p for n, p in normalised.named_parameters()}
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_parts_of_a_judgement() -> None:
    d = discriminator("mlp", conditioning="projection_twin", categorical_codes=(3,), continuous_codes=1)
    output = d.discriminate(IMAGES, LABELS)
    assert output.class_logits is not None
    assert output.twin_class_logits is not None
    for part, rows in ((output.first(1), slice(0, 1)), (output.last(3), slice(1, 4))):
        assert torch.equal(part.logits, output.logits[rows])
        assert part.class_logits is not None
        assert torch.equal(part.class_logits, output.class_logits[rows])
        assert part.twin_class_logits is not None
        assert torch.equal(part.twin_class_logits, output.twin_class_logits[rows])
        assert torch.equal(part.code_logits[0], output.code_logits[0][rows])
        assert part.code_means is not None
        assert part.code_means.shape == (rows.stop - rows.start, 1)
    half = DiscriminatorOutput(torch.ones(2, dtype=torch.bfloat16)).float()
    assert half.logits.dtype == torch.float32
    assert half.class_logits is None
