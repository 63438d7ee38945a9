"""The real images that a generator is compared with: their features, and the metrics of real images themselves."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gan.data.sources import LoadedImages
from gan.data.stacked import stacked
from gan.metrics.accuracy_score import accuracy_score
from gan.metrics.classes import class_shares, classifier_score
from gan.metrics.extractors import Extractor, NoExtractorError, extractor_name, load_extractor, training_command
from gan.metrics.frechet import Moments, distance
from gan.metrics.inception import inception_distance
from gan.metrics.kernel import kernel_distance
from gan.metrics.neighbours import Neighbourhoods, nearest, neighbourhoods
from gan.metrics.networks import as_pixels
from gan.system.errors import GanError, counted
from gan.system.tensor_cache import cached, digest

SHOWN = 1000  # images whose nearest training images are searched; half a minute for all would be too long


@dataclass(frozen=True)
class Floor:
    """Metrics of real images that were not used for training: the best expected values for this number of images.

    Attributes:
        count: number of real images used in place of generated images.
        fcd, kid, score: of held-out images against the training images.
        fcd_autoencoder, fcd_control: the same with the other extractors; None without a control.
        neighbourhoods: of training images against held-out images, ``count`` of each.
    """

    count: int
    fcd: float
    fcd_autoencoder: float
    fcd_control: float | None
    kid: float
    score: float
    neighbourhoods: Neighbourhoods


class RealFeatures:
    """The features of a dataset from one extractor.

    Attributes:
        extractor: the extractor.
        train: float32 (N, D), features of the training images.
        held_out: float32 (M, D), features of the held-out images in random order, so that the first are a fair sample.
        moments: sums of the features of the training images.
    """

    def __init__(self, extractor: Extractor, train: Tensor, held_out: Tensor) -> None:
        self.extractor = extractor
        self.train = train
        self.held_out = held_out[_shuffled(len(held_out), 0)]
        self.moments = Moments.of(train)

    def frechet_distance(self, features: Tensor) -> float:
        """The Fréchet distance between features (N, D) and the features of the training images."""
        return distance(Moments.of(features), self.moments)

    def floor(self, count: int) -> float:
        """The Fréchet distance of ``count`` held-out images, or of all if there are fewer."""
        return self.frechet_distance(self.held_out[:count])

    def stacked(self, channels: int) -> "RealFeatures":
        """Features (N, C·D) of randomly stacked images, one image per channel.

        The features of a stack are the concatenated features of its channels, so no new features are computed.
        """
        train, held_out = (
            torch.cat([features[_shuffled(len(features), seed)] for seed in range(channels)], dim=1)
            for features in (self.train, self.held_out)
        )
        return RealFeatures(self.extractor, train, held_out)


class Reference:
    """A dataset with its features. The first time takes ten seconds on two cores; later the cache is used.

    Attributes:
        name, origin: of the data. class_names: names of the labeller's classes.
        classes, labels, structure: the features from the classifier, the labeller and the autoencoder.
        control: the features from the control extractor; None if this dataset has none.
        stacked: whether the channels are separate images that are processed one by one (Stacked MNIST).
        real_shares: fraction of each class among the training images (of all channels), as the labeller predicts it.
    """

    def __init__(
        self,
        data: LoadedImages,
        *,
        classifier: Extractor | None = None,
        labeller: Extractor | None = None,
        autoencoder: Extractor | None = None,
        control: Extractor | None = None,
        channels: int = 1,
        device: str = "cpu",
        stack_seed: int = 0,
        command: str = "",
    ) -> None:
        """Compute the features of ``data`` with the shipped extractors or with others.

        Args:
            data: the dataset.
            classifier, labeller, autoencoder, control: used instead of the shipped extractors.
            channels: of the generated images; if the dataset has only one, images are stacked randomly (Stacked MNIST).
            stack_seed: seed of the stacks for pixel comparisons; use the seed of the run that was trained on stacks.
            command: the command that trains the dataset's extractors, for the error message if there are none.
            device: where features are computed.

        Raises:
            GanError: no extractor for this dataset, it has several channels and not ``channels``, or it holds out the
                training images.
        """
        if data.images.shape[1] not in (1, channels):
            raise GanError(
                f"{data.name} has {counted(data.images.shape[1], 'channel')}; {channels} given, or grey images expected"
            )
        if torch.equal(data.images, data.held_out_images):
            raise GanError(f"the held-out images of {data.name} are the training images; other images expected")
        base = data.name.removeprefix("stacked_")
        self.channels, self.origin = channels, data.origin
        self._data, self._stack_seed = data, stack_seed
        self.stacked = data.name.startswith("stacked_") or data.images.shape[1] != channels
        self.name = f"stacked_{base}" if self.stacked else base
        self._floors: dict[tuple[int, int], Floor] = {}
        name = extractor_name(data)
        command = command or training_command(data.name, {}, channels=data.images.shape[1], size=data.images.shape[2])
        self.classes = self._seen(classifier or load_extractor(name, "classifier", command), device)
        self.labels = self._seen(labeller or load_extractor(name, "labeller", command), device)
        self.structure = self._seen(autoencoder or load_extractor(name, "autoencoder", command), device)
        self._control, self._device = control or _if_any(name, "control"), device
        logits = self.labels.extractor.logits(self.labels.train)
        self.real_shares = class_shares(logits.argmax(2).flatten(), logits.shape[2])
        # The class names of a stacked dataset are its thousand modes; the labeller processes one channel.
        named = len(data.class_names) == logits.shape[2]
        self.class_names = data.class_names if named else tuple(map(str, range(logits.shape[2])))

    @property
    def identity(self) -> dict[str, Any]:
        """``data``: the name of the dataset. ``data_sha256``: of its images. ``extractors``: name -> sha256."""
        used = [self.classes.extractor, self.labels.extractor, self.structure.extractor]
        used += [self._control] if self._control else []
        extractors = {extractor.name: extractor.sha256 for extractor in used}
        return {"data": self.name, "data_sha256": self._data_digest, "extractors": extractors}

    @cached_property
    def control(self) -> RealFeatures | None:
        return self._seen(self._control, self._device) if self._control else None

    @property
    def held_out_count(self) -> int:
        return len(self.classes.held_out)

    @property
    def num_features(self) -> int:
        """The number of features of all channels; more images than this are needed."""
        return max(self.classes.train.shape[1], self.structure.train.shape[1])

    def fcd_floor(self, count: int) -> float:
        """The FCD of ``count`` real held-out images, or of all if there are fewer."""
        return self.classes.floor(count)

    def floor(self, count: int, subset_size: int) -> Floor:
        """The metrics of ``count`` real images, at most ``held_out_count``; KID over subsets of ``subset_size``."""
        if (count, subset_size) not in self._floors:
            train, held_out = self.classes.train, self.classes.held_out[:count]
            logits = self.labels.extractor.logits(self.labels.held_out[:count]).flatten(0, 1)
            self._floors[count, subset_size] = Floor(
                count=count,
                fcd=self.classes.floor(count),
                fcd_autoencoder=self.structure.floor(count),
                fcd_control=self.control.floor(count) if self.control else None,
                kid=kernel_distance(train, held_out, subset_size=min(subset_size, count))[0],
                score=classifier_score(logits),
                neighbourhoods=neighbourhoods(held_out, train[_shuffled(len(train), 0)[:count]]),
            )
        return self._floors[count, subset_size]

    def features_of_class(self, label: int) -> tuple[Tensor, Tensor]:
        """The classifier's features of the training images (N, D) and held-out images (M, D) with this label."""
        held_out = self._data.held_out_labels[_shuffled(len(self._data.held_out_labels), 0)]
        return self.classes.train[self._data.labels == label], self.classes.held_out[held_out == label]

    def nearest_training_image(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Distance (root of the mean squared difference of pixels, in [0, 1]) and index of the nearest training image.

        Args:
            images: uint8 (N, C, H, W), with the channels of the dataset.
        """
        squares, index = nearest(as_pixels(images), self._train_pixels)
        return (squares / self._train_pixels.shape[1]).sqrt(), index

    @cached_property
    def held_out_nearness(self) -> Tensor:
        """float32 (M,): the distances of ``nearest_training_image`` for up to 1000 held-out images."""
        held_out = self._images.held_out_images
        chosen = held_out[_shuffled(len(held_out), 0)[:SHOWN]]
        key = {"data": digest(self._images.images, held_out), "shown": str(SHOWN)}
        return cached("nearness", key, lambda: {"distance": self.nearest_training_image(chosen)[0]})["distance"]

    def training_images(self, index: Tensor) -> Tensor:
        """Training images uint8 (N, C, H, W), by their index (N,)."""
        return self._images.images[index]

    def inception_distance(self, images: Tensor, device: str = "cpu") -> float:
        """FID with Inception: see ``gan.metrics.inception``."""
        return inception_distance(images, self._images, device)

    def accuracy_score(self, images: Tensor, labels: Tensor, seed: int = 0) -> float:
        """The score of a classifier trained on these images: see ``gan.metrics.accuracy_score``. 1 minute, 2 cores."""
        return accuracy_score(images, labels, self._data, seed=seed)

    @cached_property
    def real_accuracy_score(self) -> float:
        """The accuracy score of the training images: the best expected value."""

        def compute() -> dict[str, Tensor]:
            return {"score": torch.tensor(self.accuracy_score(self._data.images, self._data.labels))}

        key = {"data": self._data_digest, "labels": digest(self._data.labels)}
        return float(cached("accuracy_score", key, compute)["score"])

    @cached_property
    def _train_pixels(self) -> Tensor:
        return as_pixels(self._images.images)

    @cached_property
    def _images(self) -> LoadedImages:
        """The dataset for pixel comparisons; stacked if the generated images are stacks."""
        alike = self._data.images.shape[1] == self.channels
        return self._data if alike else stacked(self._data, self._stack_seed)

    @cached_property
    def _data_digest(self) -> str:
        return digest(self._data.images, self._data.held_out_images)

    def _seen(self, extractor: Extractor, device: str) -> RealFeatures:
        extractor = extractor.to(device)
        data = self._data

        def compute() -> dict[str, Tensor]:
            return {"train": extractor.features(data.images), "held_out": extractor.features(data.held_out_images)}

        key = {"data": self._data_digest, "extractor": extractor.sha256, "device": device.partition(":")[0]}
        tensors = cached("features", key, compute) if extractor.sha256 else compute()
        seen = RealFeatures(extractor, tensors["train"], tensors["held_out"])
        alike = data.images.shape[1] == self.channels
        return seen if alike else seen.stacked(self.channels)


def _if_any(name: str, kind: str) -> Extractor | None:
    try:
        return load_extractor(name, kind)
    except NoExtractorError:
        return None


def _shuffled(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))
