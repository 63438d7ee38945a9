"""All quality metrics of a set of images, or of a trained generator, in one object."""

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gan.generators.bundle_metadata import class_names_of
from gan.metrics.accuracy_score import COUNT
from gan.metrics.classes import (
    class_shares,
    classifier_score,
    kl_to_uniform,
    label_accuracy,
    missing_classes,
    mode_numbers,
    numbers_in,
    stacked_modes,
)
from gan.metrics.frechet import Moments, distance
from gan.metrics.kernel import kernel_distance
from gan.metrics.neighbours import memorisation, neighbourhoods
from gan.metrics.reference import SHOWN, Floor, RealFeatures, Reference
from gan.system.errors import GanError, counted

if TYPE_CHECKING:
    from gan.generators.bundle import TrainedGenerator

NEIGHBOURS = 5
KID_SUBSET = 1000


@dataclass(frozen=True)
class Quality:
    """The metrics of a set of images; docs/measures.md explains each one and gives its value for real images.

    Attributes:
        data: name of the real dataset. data_sha256: hash of its images, training and held-out.
        n: number of generated images.
        compared: number of images for fcd_ratio, precision, recall, density and coverage, which depend on this number
            and are compared with as many real images: n, or the number of held-out images if that is smaller.
        fcd: Fréchet classifier distance to the training images, 0 or more, lower is better.
        fcd_floor: FCD of held-out images. fcd_ratio: FCD divided by its floor, both for ``compared`` images.
        fcd_autoencoder, fcd_autoencoder_floor, fcd_autoencoder_ratio: the same, from an extractor without labels.
        fcd_control, fcd_control_floor, fcd_control_ratio: the same, from a classifier that was not used to choose
            recipes; None if the dataset has no such extractor.
        kid, kid_std, kid_floor: kernel distance, over subsets of ``kid_subset`` images.
        precision, recall, density, coverage: against the held-out images; real_…: the values of training images.
        score: classifier score, 1 to the number of classes. score_floor: the value of held-out images.
        class_shares: fraction of each class. kl_uniform: in nats. missing: names of the missing classes.
        memorisation, copied: None if not requested. See ``gan.metrics.neighbours.MemorisationResult``.
        label_accuracy: for a conditional generator, else None.
        accuracy_score: of a classifier trained only on generated images; real_accuracy_score: of one trained on the
            real training images. None if not requested. See ``gan.metrics.accuracy_score``.
        fid: in the features of Inception. None if not requested. See ``gan.metrics.inception``.
        fcd_by_class, fcd_by_class_floor: name of a class -> FCD of its generated and of its held-out images to its
            training images; for a conditional generator with enough images of each class, else None.
        own: metrics of the user's own, by name.
        modes, reverse_kl: for images with several channels (Stacked MNIST), else None.
        extractors: name -> sha256 of the extractors used.
    """

    data: str
    n: int
    compared: int
    fcd: float
    fcd_floor: float
    fcd_ratio: float
    fcd_autoencoder: float
    fcd_autoencoder_floor: float
    fcd_autoencoder_ratio: float
    kid: float
    kid_std: float
    kid_floor: float
    kid_subset: int
    precision: float
    recall: float
    density: float
    coverage: float
    real_precision: float
    real_recall: float
    real_density: float
    real_coverage: float
    neighbours: int
    score: float
    score_floor: float
    class_shares: list[float]
    kl_uniform: float
    missing: list[str]
    memorisation: float | None
    copied: float | None
    label_accuracy: float | None
    modes: int | None
    reverse_kl: float | None
    extractors: dict[str, str]
    accuracy_score: float | None = None
    real_accuracy_score: float | None = None
    fid: float | None = None
    fcd_control: float | None = None
    fcd_control_floor: float | None = None
    fcd_control_ratio: float | None = None
    fcd_by_class: dict[str, float] | None = None
    fcd_by_class_floor: dict[str, float] | None = None
    data_sha256: str = ""
    own: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON."""
        own = {} if self.own else {"own"}
        return {name: value for name, value in asdict(self).items() if name not in own}


def measure(
    images: Tensor,
    reference: Reference,
    *,
    labels: Tensor | None = None,
    seed: int = 0,
    kid_subset: int | None = None,
    look_for_copies: bool = True,
) -> Quality:
    """All metrics of a set of images.

    Args:
        images: uint8 (N, C, H, W), with as many channels as the reference.
        reference: the real images.
        labels: int64 (N,), the requested classes of a conditional generator.
        seed: random seed of the KID subsets.
        kid_subset: images in each subset for KID; None: `KID_SUBSET`, or all if there are fewer images.
        look_for_copies: compare 1000 images with all training images; takes two seconds on two cores.

    Raises:
        GanError: too few images, or the number of channels differs from the reference.
    """
    most = min(len(images), len(reference.classes.train))
    kid_subset = min(KID_SUBSET, most) if kid_subset is None else kid_subset
    _check(images, reference, kid_subset, most)
    floor = reference.floor(min(len(images), reference.held_out_count), kid_subset)
    copies = None
    if look_for_copies and not reference.stacked:
        copies = memorisation(reference.nearest_training_image(images[:SHOWN])[0], reference.held_out_nearness)
    return Quality(
        **reference.identity,
        n=len(images),
        **_distances(images, reference, labels, floor, seed, kid_subset),
        **_of_classes(images, reference, labels),
        score_floor=floor.score,
        memorisation=copies.ratio if copies else None,
        copied=copies.copied if copies else None,
    )


def _distances(
    images: Tensor, reference: Reference, labels: Tensor | None, floor: Floor, seed: int, kid_subset: int
) -> dict[str, Any]:
    """Distances between generated and real images in feature space, by the attribute names of `Quality`."""
    real, structure = reference.classes, reference.structure
    fake, fake_structure = real.extractor.features(images), structure.extractor.features(images)
    compared = floor.count
    kid, kid_std = kernel_distance(real.train, fake, subset_size=kid_subset, seed=seed)
    near = neighbourhoods(real.held_out[:compared], fake[:compared], NEIGHBOURS)
    return {
        "compared": compared,
        **_frechet("fcd", real, fake, compared, floor.fcd),
        **_frechet("fcd_autoencoder", structure, fake_structure, compared, floor.fcd_autoencoder),
        **_control(images, reference, floor),
        **_by_class(fake, reference, labels),
        "kid": kid,
        "kid_std": kid_std,
        "kid_floor": floor.kid,
        "kid_subset": kid_subset,
        **asdict(near),
        **{f"real_{name}": value for name, value in asdict(floor.neighbourhoods).items()},
        "neighbours": NEIGHBOURS,
    }


def _frechet(name: str, real: RealFeatures, fake: Tensor, compared: int, floor: float) -> dict[str, float]:
    """A Fréchet distance, its floor, and the ratio of both for ``compared`` images."""
    return {
        name: real.frechet_distance(fake),
        f"{name}_floor": floor,
        f"{name}_ratio": real.frechet_distance(fake[:compared]) / floor,
    }


def _control(images: Tensor, reference: Reference, floor: Floor) -> dict[str, float]:
    if reference.control is None or floor.fcd_control is None:
        return {}
    fake = reference.control.extractor.features(images)
    return _frechet("fcd_control", reference.control, fake, floor.count, floor.fcd_control)


def _by_class(fake: Tensor, reference: Reference, labels: Tensor | None) -> dict[str, dict[str, float]]:
    """FCD of each requested class, and of as many held-out images of it; {} if there are too few images of a class."""
    if labels is None or reference.stacked:
        return {}
    found, floor = {}, {}
    for label, name in enumerate(reference.class_names):
        train, held_out = reference.features_of_class(label)
        own = fake[labels == label]
        if min(map(len, (own, train, held_out))) <= reference.num_features:
            return {}
        found[name] = distance(Moments.of(own), Moments.of(train))
        floor[name] = distance(Moments.of(held_out[: len(own)]), Moments.of(train))
    return {"fcd_by_class": found, "fcd_by_class_floor": floor}


def _of_classes(images: Tensor, reference: Reference, labels: Tensor | None) -> dict[str, Any]:
    """Class metrics of generated images, by the attribute names of `Quality`."""
    labeller = reference.labels.extractor
    logits = labeller.logits(labeller.features(images))  # (N, C, K)
    classes = logits.argmax(2)
    shares = class_shares(classes.flatten(), logits.shape[2])
    shown = mode_numbers(classes, logits.shape[2]) if reference.stacked else classes[:, 0]
    modes, reverse_kl = stacked_modes(classes, logits.shape[2]) if reference.stacked else (None, None)
    return {
        "score": classifier_score(logits.flatten(0, 1)),
        "class_shares": shares,
        "kl_uniform": kl_to_uniform(shares),
        "missing": [reference.class_names[index] for index in missing_classes(shares, reference.real_shares)],
        "label_accuracy": None if labels is None else label_accuracy(shown, labels),
        "modes": modes,
        "reverse_kl": reverse_kl,
    }


def evaluate(
    generator: "TrainedGenerator",
    reference: Reference,
    *,
    n: int = 10_000,
    seed: int = 0,
    kid_subset: int | None = None,
    look_for_copies: bool = True,
    train_on_them: bool = False,
) -> Quality:
    """All metrics of ``n`` images of a trained generator. The same call gives the same values.

    For a conditional generator, labels cycle through the classes, so that each class is equally frequent. The classes
    of generator and reference are compared by their names, if the generator has names. The metrics of classes are None
    if they are not the same.

    Args:
        generator: see ``gan.generators.bundle.load_generator``.
        reference: the real images, made with ``channels=generator.image_shape[0]``.
        n, seed: number of images, and seed of their latents.
        kid_subset, look_for_copies: see ``measure``.
        train_on_them: also compute the classification accuracy score of a conditional generator of grey images, on
            `COUNT` images with this seed; takes one or two minutes on two cores.

    Raises:
        GanError: ``n`` is too small, the channels differ, or the generator makes no images.
    """
    if generator.metadata.get("points"):
        raise GanError("this generator generates 2-D points; these measures are of images")
    num_classes = int(generator.metadata.get("num_classes") or 0)
    labels = torch.arange(n) % num_classes if num_classes else None
    images = generator.sample(n, seed=seed, labels=labels)
    names = class_names_of(generator.metadata)
    known = numbers_in(reference.class_names, names) if names and not reference.stacked else torch.arange(num_classes)
    quality = measure(
        torch.as_tensor(images),
        reference,
        labels=None if labels is None or known is None else known[labels],
        seed=seed,
        kid_subset=kid_subset,
        look_for_copies=look_for_copies,
    )
    if not train_on_them or not num_classes or known is None or reference.channels > 1:
        return quality
    labels = torch.arange(COUNT) % num_classes
    more = torch.as_tensor(generator.sample(COUNT, seed=seed, labels=labels))
    score = reference.accuracy_score(more, known[labels])
    return replace(quality, accuracy_score=score, real_accuracy_score=reference.real_accuracy_score)


def _check(images: Tensor, reference: Reference, kid_subset: int, most: int) -> None:
    if images.shape[1] != reference.channels:
        raise GanError(
            f"images of {counted(images.shape[1], 'channel')} given, and a reference '{reference.name}' "
            f"of {reference.channels}"
        )
    if len(images) <= reference.num_features:
        raise GanError(
            f"n: {counted(len(images), 'image')} given; more than {reference.num_features} expected: with no more "
            "images than features, a covariance is singular"
        )
    if not 2 <= kid_subset <= most:
        raise GanError(
            f"KID: subsets of {kid_subset} images given; 2 to {most} expected, the number of generated images, or of "
            "training images if there are fewer: --kid-subset, in Python kid_subset"
        )
