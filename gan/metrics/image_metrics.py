"""Torchmetrics classes of the quality metrics, for any script. They work over batches and over distributed processes.

Call ``update(images, real=True)`` and ``update(images, real=False)`` once per batch, then ``compute()``: the metric of
all images in all processes. With `SharedFeatures` several metrics share one pass of an extractor. The formulas are in
`frechet`, `kernel`, `neighbours` and `classes`; docs/measures.md explains the values.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.utilities import dim_zero_cat

from gan.metrics.classes import (
    class_shares,
    classifier_score,
    kl_to_uniform,
    label_accuracy,
    missing_classes,
    mode_numbers,
)
from gan.metrics.extractors import Extractor
from gan.metrics.frechet import Moments, distance
from gan.metrics.kernel import kernel_distance
from gan.metrics.neighbours import memorisation, nearest, neighbourhoods
from gan.metrics.networks import as_pixels
from gan.system.errors import GanError

SIDES = ("real", "fake")


class ImageMetric(Metric):
    """Base class of metrics that compare generated with real images in the features of an extractor.

    Args:
        extractor: an `Extractor`, or any network in eval mode that maps images to features (N, D). None: call `update`
            with features.
        reset_real: whether `reset` also removes the real images. False: it keeps them.
        kwargs: arguments of `torchmetrics.Metric`, for example ``sync_on_compute``.
    """

    is_differentiable = False
    full_state_update = False
    real: list[Tensor]
    fake: list[Tensor]

    def __init__(self, extractor: nn.Module | None = None, *, reset_real: bool = True, **kwargs: Any) -> None:
        super().__init__(**{"dist_sync_fn": _gathered, **kwargs})
        self.extractor = extractor
        self.reset_real = reset_real
        self._add_states()

    def _add_states(self) -> None:
        """Add the metric's states, by default the features of all images. Names must begin with "real" or "fake"."""
        for side in SIDES:
            self.add_state(side, [], dist_reduce_fx="cat")

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Features (N, D) of images (N, C, H, W), uint8 for an `Extractor`. Features (N, D) are returned unchanged.

        Raises:
            GanError: images are given, but there is no extractor.
        """
        if images.ndim == 2:
            return images
        if self.extractor is None:
            shape = tuple(images.shape)
            raise GanError(f"{type(self).__name__}: {shape} given; features (N, D) expected: there is no extractor")
        features: Tensor = (
            self.extractor.features(images) if isinstance(self.extractor, Extractor) else self.extractor(images)
        )
        return features

    def update(self, images: Tensor, real: bool, labels: Tensor | None = None) -> None:
        """Add images (N, C, H, W) or their features (N, D) to the real or to the generated images.

        Args:
            labels: int64 (N,), the classes that the generator was conditioned on; only `ClassBalance` uses them.
        """
        self._add(SIDES[0] if real else SIDES[1], self.features(images), labels)

    def _add(self, side: str, features: Tensor, labels: Tensor | None) -> None:
        getattr(self, side).append(features)

    def _sets(self) -> tuple[Tensor, Tensor]:
        """Features (N, D) of the real images and (M, D) of the generated ones.

        Raises:
            GanError: there are no real or no generated images.
        """
        for side in SIDES:
            if not len(getattr(self, side)):
                raise GanError(f"{type(self).__name__}: no {side} images given; update(images, real={side == 'real'})")
        return dim_zero_cat(self.real), dim_zero_cat(self.fake)

    def reset(self) -> None:
        """Remove the generated images, and the real images unless ``reset_real`` is False."""
        kept = {} if self.reset_real else {n: s for n, s in self.metric_state.items() if n.startswith("real")}
        kept = {name: list(state) if isinstance(state, list) else state for name, state in kept.items()}
        super().reset()
        for name, state in kept.items():
            setattr(self, name, state)


class FrechetDistance(ImageMetric):
    """Fréchet distance of two Gaussians (Heusel et al. 2017): 0 or more, in squared units of the features.

    With a classifier of `load_extractor` it is FCD, with Inception it is FID; with an autoencoder it is an independent
    check. It stores D² float64 sums for real and for generated images; memory use does not grow with their number.

    Args:
        num_features: D; None: the extractor's ``num_features``.
    """

    higher_is_better = False

    def __init__(self, extractor: nn.Module | None = None, num_features: int | None = None, **kwargs: Any) -> None:
        size = num_features or getattr(extractor, "num_features", None)
        if not isinstance(size, int):
            raise GanError("FrechetDistance: num_features expected, because the extractor does not define it")
        self.num_features = size
        super().__init__(extractor, **kwargs)

    def _add_states(self) -> None:
        zeros = torch.zeros(self.num_features, self.num_features, dtype=torch.float64)
        for side in SIDES:
            for name, empty in (("count", torch.tensor(0)), ("total", zeros[0]), ("products", zeros)):
                self.add_state(f"{side}_{name}", empty, dist_reduce_fx="sum")

    def _add(self, side: str, features: Tensor, labels: Tensor | None) -> None:
        if features.shape[1] != self.num_features:
            raise GanError(f"FrechetDistance: {features.shape[1]} features given; num_features={self.num_features}")
        for name, value in vars(Moments.of(features)).items():
            state = getattr(self, f"{side}_{name}")
            setattr(self, f"{side}_{name}", state + torch.as_tensor(value).to(state.device))

    def compute(self) -> Tensor:
        """float64 (), on the CPU."""
        sums = [[getattr(self, f"{side}_{name}").cpu() for name in ("count", "total", "products")] for side in SIDES]
        real, fake = (Moments(int(count), total, products) for count, total, products in sums)
        return torch.tensor(distance(fake, real), dtype=torch.float64)


class KernelDistance(ImageMetric):
    """Kernel distance, KID (Bińkowski et al. 2018): ``kid`` about 0 or more, the mean over subsets, and ``kid_std``.

    The subsets depend on the order of the images; images of rank 0 come first.

    Args:
        subsets, subset_size, seed: number of subsets, images per subset, and random seed.
    """

    higher_is_better = False

    def __init__(
        self, extractor: nn.Module | None = None, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(extractor, **kwargs)
        self.subsets, self.subset_size, self.seed = subsets, subset_size, seed

    def compute(self) -> dict[str, Tensor]:
        """``kid`` and ``kid_std``, float64 ()."""
        real, fake = self._sets()
        mean, std = kernel_distance(real, fake, subsets=self.subsets, subset_size=self.subset_size, seed=self.seed)
        return _tensors({"kid": mean, "kid_std": std})


class PrecisionRecall(ImageMetric):
    """``precision`` and ``recall`` (Kynkäänniemi et al. 2019), ``density`` and ``coverage`` (Naeem et al. 2020).

    Values are from 0 to 1, density can exceed 1; higher is better. They depend on the numbers of images: use as many
    real as generated images.

    Args:
        k: the radius of an image's ball is the distance to its k-th nearest neighbour.
    """

    higher_is_better = True

    def __init__(self, extractor: nn.Module | None = None, k: int = 5, **kwargs: Any) -> None:
        super().__init__(extractor, **kwargs)
        self.k = k

    def compute(self) -> dict[str, Tensor]:
        """By name, float64 ()."""
        return _tensors(vars(neighbourhoods(*self._sets(), self.k)))


class ClassBalance(ImageMetric):
    """Class metrics from a labeller: ``kl_uniform``, ``missing``, ``score`` and, with labels, ``label_accuracy``.

    ``kl_uniform``: from 0 to log K, in nats, lower is better. ``missing``: the number of classes with less than a
    tenth of their fraction in the real images. ``score``: from 1 to K, higher is better (Salimans et al. 2016).
    ``label_accuracy``: from 0 to 1, the fraction of generated images that show the requested class.

    Args:
        extractor: a labeller: ``load_extractor("mnist", "labeller")``.
    """

    fake_labels: list[Tensor]

    def __init__(self, extractor: Extractor, **kwargs: Any) -> None:
        super().__init__(extractor, **kwargs)
        self.add_state("fake_labels", [], dist_reduce_fx="cat")

    def _add(self, side: str, features: Tensor, labels: Tensor | None) -> None:
        assert isinstance(self.extractor, Extractor)
        getattr(self, side).append(self.extractor.logits(features))  # (N, C, K)
        if labels is not None and side == "fake":
            self.fake_labels.append(labels)

    def compute(self) -> dict[str, Tensor]:
        """By name, float64 ()."""
        real, logits = self._sets()
        classes, num_classes = logits.argmax(2), logits.shape[2]
        shares, real_shares = (class_shares(each.argmax(2).flatten(), num_classes) for each in (logits, real))
        found = {
            "kl_uniform": kl_to_uniform(shares),
            "missing": len(missing_classes(shares, real_shares)),
            "score": classifier_score(logits.flatten(0, 1)),
        }
        if len(self.fake_labels):
            found["label_accuracy"] = label_accuracy(mode_numbers(classes, num_classes), dim_zero_cat(self.fake_labels))
        return _tensors(found)


class Memorisation(ImageMetric):
    """Copies of training images: ``memorisation`` (new images 1, copies 0) and ``copied`` (new images 0.01, copies 1).

    It compares pixels. The real images must be the training images. See ``gan.metrics.neighbours.MemorisationResult``.

    Args:
        held_out: uint8 (M, C, H, W), real images that were not used for training, as the baseline.
    """

    held_out: Tensor

    def __init__(self, held_out: Tensor, **kwargs: Any) -> None:
        super().__init__(_Pixels(), **kwargs)
        self.register_buffer("held_out", as_pixels(held_out), persistent=False)

    def compute(self) -> dict[str, Tensor]:
        """By name, float64 ()."""
        training, fake = self._sets()
        squares = (nearest(images, training)[0] for images in (fake, self.held_out))
        found = memorisation(*((each / training.shape[1]).sqrt() for each in squares))
        return _tensors({"memorisation": found.ratio, "copied": found.copied})


class SharedFeatures(MetricCollection):
    """A MetricCollection whose metrics share features: each extractor processes a batch only once.

    torchmetrics' FeatureShare is not used: it identifies a batch by its address, so a reused buffer gets old features,
    and it cannot be pickled. Compute groups are not used because the metrics have different states.

    Args:
        metrics: `ImageMetric` objects by name; metrics with the same extractor share its features.
    """

    def __init__(self, metrics: Mapping[str, ImageMetric]) -> None:
        super().__init__(dict(metrics), compute_groups=False)

    def update(self, images: Tensor, real: bool, labels: Tensor | None = None) -> None:  # type: ignore[override]
        """Add images to all metrics: see `ImageMetric.update`."""
        seen: dict[nn.Module | None, Tensor] = {}
        for metric in self.values():
            assert isinstance(metric, ImageMetric)
            if metric.extractor not in seen:
                seen[metric.extractor] = metric.features(images)
            metric.update(seen[metric.extractor], real, labels)


class _Pixels(nn.Module):
    """Uses the pixels as features."""

    def forward(self, images: Tensor) -> Tensor:
        return as_pixels(images)


def _tensors(values: Mapping[str, float]) -> dict[str, Tensor]:
    return {name: torch.tensor(float(value), dtype=torch.float64) for name, value in values.items()}


def _gathered(state: Tensor, group: Any) -> list[Tensor]:
    """The values of a state from all processes; processes without images contribute nothing.

    torchmetrics' own function aborts if a process has no images, and under NCCL for tensors on the CPU.
    """
    found: list[Any] = [None] * dist.get_world_size(group)
    dist.all_gather_object(found, state.cpu(), group)
    return [each.to(state.device) for each in found if each.shape != (0,)] or [state]
