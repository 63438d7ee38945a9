"""A generator for the pages: its sliders, its images for their positions, and limits on the work of a request."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan.demo.parameters import parse_float, parse_floats, parse_int, parse_ints
from gan.generators.bundle import load_generator
from gan.generators.bundle_metadata import data_name_of
from gan.generators.class_labels import class_labels
from gan.generators.interpolation import FramePositions, frame_positions, interpolate
from gan.generators.latent_directions import CODE_REACH, moved, principal_directions, reach_of
from gan.generators.pictures import Pixels, enlarged, gif, grid, scatter
from gan.generators.trained_generator import TrainedGenerator
from gan.runs.run_files import is_number, node
from gan.system.errors import BundleError, GanError, counted

DIRECTIONS = 8  # sliders
MOST_IMAGES = 256  # of one picture
MOST_POINTS = 2000  # of one picture of the plane
MOST_STEPS, MOST_WALKED = 120, 8192  # frames of a walk; images in all of its frames
MOST_VALUES = 2**25  # pixels times channels of the images of one picture, or of one walk
MOST_AT_ONCE = 2**26  # output values of all layers for the images generated at once: 256 MiB
MOST_FOR_DIRECTIONS = 2**31  # weights of the largest layer times components of z, so that the SVD takes seconds
SHOWN_SIDE = 480  # approximate longer side of an animation, in pixels
MOST_SEED = 2**53 - 1  # the largest integer in JavaScript
VIEW = ("seed", "count", "columns", "class", "truncation", "directions", "categorical", "continuous")  # of a query
MEASURES = ("fcd", "precision", "recall", "coverage", "label_accuracy", "modes")


@dataclass(frozen=True)
class View:
    """The settings of a page's controls.

    Attributes:
        seed: seed of the latents. count: number of images. columns: columns of the picture.
        asked: a class by number or name; None for all classes in turn.
        truncation: factor on the noise; 1 for no change.
        directions: position along each principal direction.
        categorical, continuous: value of each of InfoGAN's codes; None keeps the random value.
    """

    seed: int
    count: int
    columns: int
    asked: str | None
    truncation: float
    directions: list[float | None]
    categorical: list[int | None]
    continuous: list[float | None]


@dataclass
class Model:
    """A loaded bundle.

    Attributes:
        name: name on the page.
        generator: the trained generator.
        directions: float32 (K, latent_dim), orthonormal; K is 0 if the first layer is not a linear layer on z.
    """

    name: str
    generator: TrainedGenerator
    directions: Tensor = field(init=False)

    def __post_init__(self) -> None:
        generator, shape = self.generator, self.generator.image_shape
        one = _values_put_out(generator)
        if one > MOST_AT_ONCE:
            raise BundleError(
                f"{self.name}: its layers have up to {one:,} output values for one image of "
                f"{' x '.join(map(str, shape))}; a page allows at most {MOST_AT_ONCE:,}. Use gan sample instead"
            )
        self._batch_size = MOST_AT_ONCE // one
        together = MOST_VALUES // math.prod(shape)
        self.most_images = MOST_POINTS if generator.points else min(MOST_IMAGES, together)
        self.most_walked = min(MOST_WALKED, together)
        self.directions = torch.zeros(0, generator.prior.latent_dim)
        largest = max(parameter.numel() for parameter in generator.generator.parameters())
        if largest * generator.prior.latent_dim <= MOST_FOR_DIRECTIONS:
            with suppress(GanError):  # its first layer is not linear in z
                self.directions = principal_directions(generator.generator, generator.prior)[:DIRECTIONS]

    @property
    def reach(self) -> float:
        """Maximum position of the direction sliders, to both sides, as in `gan explore`."""
        return reach_of(self.generator.prior)

    def describe(self) -> dict[str, Any]:
        """The description of the model for a page: its controls, and facts to show."""
        generator, prior, metadata = self.generator, self.generator.prior, self.generator.metadata
        names = generator.class_names or tuple(map(str, range(generator.num_classes)))
        quality, trained = node(node(metadata, "quality"), "quality"), node(metadata, "trained")
        return {
            "name": self.name,
            "shape": list(generator.image_shape),
            "most": {"images": self.most_images, "walked": self.most_walked},
            "points": generator.points,
            "classes": list(names) if generator.conditional else [],
            "truncation": prior.name == "normal",
            "sliders": self._sliders(),
            "choices": [
                {"name": name, "classes": classes}
                for name, classes in zip(prior.code_names, prior.categorical, strict=True)
            ],
            "family": metadata["family"],
            "parameters": sum(parameter.numel() for parameter in generator.generator.parameters()),
            "latent": f"{prior.latent_dim} {prior.name}",
            "data": data_name_of(generator.metadata),
            "epochs": trained.get("epochs") if is_number(trained.get("epochs")) else None,
            "measures": {name: quality[name] for name in MEASURES if is_number(quality.get(name))},
            "sha256": str(metadata.get("sha256", "")),
        }

    def _sliders(self) -> list[dict[str, Any]]:
        """The principal directions and InfoGAN's continuous codes, named as in `gan explore`."""
        counted = {
            "directions": ("principal", len(self.directions), self.reach),
            "continuous": ("continuous code", self.generator.prior.continuous, CODE_REACH),
        }
        return [
            {"name": f"{name} {1 + number}", "kind": kind, "reach": reach}
            for kind, (name, count, reach) in counted.items()
            for number in range(count)
        ]

    def view(self, query: Mapping[str, str]) -> View:
        """Parse the parameters `VIEW` of a query.

        Raises:
            GanError: a parameter is out of its range.
        """
        prior, points = self.generator.prior, self.generator.points
        count = parse_int(query, "count", min(500 if points else 16, self.most_images), 1, self.most_images)
        return View(
            seed=parse_int(query, "seed", 0, 0, MOST_SEED),
            count=count,
            columns=parse_int(query, "columns", min(count, 8), 1, MOST_POINTS),
            asked=query.get("class") or None,
            truncation=parse_float(query, "truncation", 1, 0.01, 1),
            directions=parse_floats(query, "directions", len(self.directions), self.reach),
            categorical=parse_ints(query, "categorical", prior.categorical),
            continuous=parse_floats(query, "continuous", prior.continuous, CODE_REACH),
        )

    def latents(self, view: View, seed: int | None = None) -> Tensor:
        """Latents (count, prior.width) of the seed, moved by the sliders."""
        prior = self.generator.prior
        truncation = None if view.truncation == 1 else view.truncation
        z = self.generator.latents(view.count, view.seed if seed is None else seed, truncation)
        offsets = torch.tensor([position or 0.0 for position in view.directions]) @ self.directions
        z = moved(z, offsets, prior)
        place = prior.latent_dim
        for chosen, classes in zip(view.categorical, prior.categorical, strict=True):
            if chosen is not None:
                z[:, place : place + classes] = torch.nn.functional.one_hot(torch.tensor(chosen), classes).float()
            place += classes
        for index, value in enumerate(view.continuous):
            if value is not None:
                z[:, place + index] = value
        return z

    def images(self, view: View) -> Any:
        """uint8 images (count, C, H, W), or float32 points (count, 2, 1, 1)."""
        return self.generator.decode(self.latents(view), view.asked, batch_size=self._batch_size)

    def picture(self, view: View) -> Pixels:
        """The images as one picture (C, height, width)."""
        images = self.images(view)
        return scatter(images) if self.generator.points else grid(images, columns=view.columns)

    def walk(self, view: View, to: int, steps: int) -> Pixels:
        """``steps`` pictures below each other: an interpolation of every image from its latent to that of seed ``to``.

        The last picture is one step before the end, where the next walk begins. The classes do not change.

        Raises:
            GanError: the generator generates 2-D points, or the class does not exist.
        """
        return np.concatenate(self._frames(view, to, steps), axis=1)

    def animation(self, view: View, to: int, steps: int, fps: float) -> bytes:
        """The same interpolation and back as a GIF that repeats without a jump; small pictures are enlarged.

        Raises:
            GanError: as ``walk``.
        """
        there = self._frames(view, to, steps)
        end = self.picture(replace(view, seed=to))
        frames = [*there, end, *there[:0:-1]]
        largest = math.isqrt(MOST_VALUES // (len(frames) * end.size))
        scale = max(1, min(largest, round(SHOWN_SIDE / max(end.shape[1:]))))
        return gif([enlarged(frame, scale) for frame in frames], seconds=len(frames) / fps, hold=0.0)

    def _frames(self, view: View, to: int, steps: int) -> list[Pixels]:
        """``steps`` pictures of an interpolation from the seed to seed ``to``."""
        if self.generator.points:
            raise GanError("walk: this generator generates 2-D points, not images")
        if steps * view.count > self.most_walked:
            given = f"{steps} of {counted(view.count, 'image')}"
            raise GanError(f"steps: {given} given; at most {self.most_walked} images expected")
        frames = frame_positions(2, steps)
        image = torch.arange(view.count).repeat(steps)
        where = FramePositions(image, view.count + image, frames.fraction[:steps].repeat_interleave(view.count))
        z = interpolate(torch.cat([self.latents(view), self.latents(view, to)]), where, self.generator.prior)
        labels = None
        if self.generator.conditional:
            names = self.generator.class_names
            labels = class_labels(view.asked, view.count, self.generator.num_classes, names).repeat(steps)
        asked = labels if labels is not None else view.asked
        images = self.generator.decode(z, asked, batch_size=self._batch_size)
        firsts = range(0, len(images), view.count)
        return [grid(images[first : first + view.count], columns=view.columns) for first in firsts]


def _values_put_out(generator: TrainedGenerator) -> int:
    """An upper bound of the output values of all layers for one image: every map is taken to have the image's size."""
    _, height, width = generator.image_shape
    values = math.prod(generator.image_shape)
    for weight in generator.generator.parameters():
        if weight.dim() == 4:  # of a convolution
            values += max(weight.shape[:2]) * height * width
        elif weight.dim() == 2:
            values += weight.shape[0]
    return values


def open_model(path: Path, name: str, device: str) -> Model:
    """Load the model from a bundle or a run folder.

    Raises:
        BundleError: there is no valid bundle.
    """
    return Model(name, load_generator(path).to(device))
