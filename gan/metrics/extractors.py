"""Feature extractors: frozen networks that the metrics use, four for each dataset.

- Classifier: its features are used for distances. It is trained only on clean images, so other images change its
  features strongly.
- Labeller: it predicts the class. It is the same network, also trained on images with noise, so that it recognises a
  digit despite the noise of small GANs. Its features are insensitive to noise, so they are unsuitable for distances.
- Autoencoder: its features are learned without labels; they give an independent check of every distance.
- Control: a classifier of another architecture and seed. No recipe was chosen by it, so it shows whether a recipe is
  better or only better by the classifier.

The package contains extractors for MNIST and Fashion-MNIST (``weights/``); extractors that a user trains are in
`own_folder`. Results contain the sha256 of the extractor files.
"""

import hashlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from gan.data.loaded import LoadedImages
from gan.data.registry import FOLDER, SOURCES
from gan.metrics.networks import Autoencoder, Classifier, as_input, build
from gan.system.devices import without_tf32
from gan.system.errors import GanError, counted, unknown_name
from gan.system.files import write_bytes
from gan.system.tensor_cache import digest

WEIGHTS = Path(__file__).parent / "weights"
REQUIRED = ("classifier", "labeller", "autoencoder")
KINDS = (*REQUIRED, "control")
# Settings of `data` that decide which images are read and how, with their defaults.
READING = MappingProxyType(
    {"split": None, "fit": None, "held_out": None, "on_broken": "error", "class_order": "natural"}
)
FORMAT = 1
PART = 250  # images at a time, always: see Extractor.features


class NoExtractorError(GanError):
    """There is no extractor for a dataset; the message says how to train one."""


def own_folder() -> Path:
    """Folder of the user's extractors: ``$XDG_DATA_HOME/gan/extractors``, by default in ``~/.local/share``."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path("~/.local/share").expanduser()) / "gan" / "extractors"


def extractor_name(data: LoadedImages) -> str:
    """The name of a dataset's extractors. A sample has the name of the full dataset, stacked images of their base.

    For an image folder the name is ``folder-`` and a digest of the images at their training size.
    """
    if data.name == FOLDER:
        return f"{FOLDER}-{digest(data.images, data.held_out_images)[:16]}"
    return extractors_of(data.name, is_colour=data.images.shape[1] == 3, split=data.split)


def extractors_of(name: str, *, is_colour: bool, split: str | None = None) -> str:
    """The same from the name of a dataset other than a folder, and whether its images have three channels."""
    base = name.removeprefix("stacked_").removesuffix("_sample")
    if split not in (None, next(iter(SOURCES.get(base, {None: None})))):
        base = f"{base}-{split}"  # this split has its own classes
    return f"{base}-colour" if is_colour and not name.startswith("stacked_") else base


def training_command(name: str, settings: Mapping[str, Any], *, channels: int, size: int) -> str:
    """The shell command that trains the extractors of a dataset.

    Args:
        name: name of the dataset.
        settings: the arguments of `gan.data.sources.load` that it was loaded with.
        channels, size: channels and size in pixels of its images.
    """
    words = ["gan", "metrics", "train-extractor", "--data", name.removeprefix("stacked_").removesuffix("_sample")]
    if name == FOLDER:
        words += ["--folder", str(settings.get("folder") or "PATH"), "--image-size", str(size)]
        words += ["--image-channels", str(channels)]
    elif channels == 3 and not name.startswith("stacked_"):
        words += ["--image-channels", "3"]
    return shlex.join([*words, *reading_options(settings)])


def reading_options(settings: Mapping[str, Any]) -> list[str]:
    """Command-line options for the split and for reading an image folder; default values are left out."""
    given = {name: settings.get(name) for name in READING}
    chosen = {name: value for name, value in given.items() if value not in (None, READING[name])}
    return [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", str(value))]


class Extractor(nn.Module):
    """A frozen network, always in eval mode and without gradients.

    torchmetrics can use it: ``FrechetInceptionDistance(feature=extractor, normalize=True)``.

    Attributes:
        network: the network.
        metadata: ``kind``, ``data``, ``num_classes``, ``accuracy`` or ``reconstruction``, ``command``, …
        sha256: hash of the file; "" if the network is not from a file.
        channels: number of channels that it processes together: 1, or 3 for colour images.
        num_features: D, the number of features for this number of channels.
    """

    def __init__(self, network: Classifier | Autoencoder, metadata: dict[str, Any], sha256: str = "") -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.metadata = metadata
        self.sha256 = sha256
        self.channels = int(metadata.get("channels", 1))
        self.num_features = int(metadata["features"])
        self.scale = float(metadata["scale"])

    @property
    def name(self) -> str:
        """For example "mnist_classifier"."""
        return f"{self.metadata['data']}_{self.metadata['kind']}"

    def train(self, mode: bool = True) -> "Extractor":
        """Stay in eval mode, also when a model that contains this extractor is set to training mode."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (N, 1, H, W), or float in [0, 1] -> features (N, D)."""
        pixels = images if images.dtype == torch.uint8 else (images * 255).round().to(torch.uint8)
        with without_tf32():
            return self.network.features(as_input(pixels)) * self.scale

    @torch.no_grad()
    def features(self, images: Tensor | np.ndarray) -> Tensor:
        """Features float32 (N, C·D), on the CPU, of uint8 images (N, C, H, W); channels are processed one by one.

        An extractor for colour images processes all three channels together: (N, D).

        The features are scaled so that the D features of the training images have a mean variance of 1. A Fréchet
        distance is then in units of the variance of real images; a generator that always draws the mean gets about D.

        An image's features are bit for bit independent of the other images: the network always gets parts of 250
        images, the last padded with black images. (Kernels depend on the shape of the input and round differently.)
        """
        return torch.cat([self._per_channel(part) for part in self._parts(images)])

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Logits float32 (N, C, num_classes) from the features (N, C·D) of a labeller or classifier.

        Raises:
            GanError: this is an autoencoder.
        """
        if not isinstance(self.network, Classifier):
            raise GanError(f"{self.name} has no classes; give a labeller")
        last = self.network.last
        split = features.reshape(len(features), -1, self.num_features) / self.scale
        # In float64, because the rounding of a float32 matrix product depends on the shape.
        logits = split.cpu().double() @ last.weight.cpu().double().T + last.bias.cpu().double()
        return logits.float()

    def _parts(self, images: Tensor | np.ndarray) -> Iterator[Tensor]:
        images = torch.as_tensor(images)
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(f"uint8 images (N, C, H, W) expected, not {images.dtype} {tuple(images.shape)}")
        yield from images.split(PART)

    def _per_channel(self, part: Tensor) -> Tensor:
        device = next(self.network.parameters()).device
        full = torch.zeros(PART, *part.shape[1:], dtype=torch.uint8)
        full[: len(part)] = part
        if full.shape[1] % self.channels:
            own = counted(self.channels, "channel")
            raise GanError(f"{self.name} expects images of {own}; these have {full.shape[1]}")
        seen = [self(channels.to(device)).cpu()[: len(part)] for channels in full.split(self.channels, dim=1)]
        return torch.cat(seen, dim=1)


def save_extractor(path: Path, network: Classifier | Autoencoder, metadata: dict[str, Any]) -> None:
    """Write a network atomically as safetensors; weights as float16, running statistics as float32."""
    learned = {name for name, _ in network.named_parameters()}
    tensors = {
        name: (tensor.half() if name in learned else tensor).detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
    }
    text = json.dumps({"format": FORMAT, **metadata}, sort_keys=True)
    write_bytes(path, save(tensors, metadata={"extractor": text}))


def load_extractor(data: str, kind: str = "classifier", command: str = "") -> Extractor:
    """The extractor of a dataset ("mnist", "fashion"; a ``_sample`` uses the full dataset's), on the CPU.

    Args:
        data: for example "mnist", which is in the package; or the `extractor_name` of a user's dataset.
        command: the command that trains it, for the error message; "": a command made from the name.

    Raises:
        NoExtractorError: there is no extractor for this dataset.
        GanError: the kind is unknown.
    """
    if kind not in KINDS:
        raise GanError(unknown_name("extractor", kind, KINDS))
    name = data.removesuffix("_sample")
    for folder in (WEIGHTS, own_folder()):
        if (path := folder / f"{name}_{kind}.safetensors").is_file():
            return read_extractor(path)
    known = sorted(path.stem.rpartition("_")[0] for path in WEIGHTS.glob(f"*_{kind}.safetensors"))
    command = command or f"gan metrics train-extractor --data {name}"
    raise NoExtractorError(f"{unknown_name('extractor for data', name, known)}. To make one for this set: {command}")


def read_extractor(path: str | Path) -> Extractor:
    """The extractor in a file written by ``gan metrics train-extractor``, on the CPU.

    Raises:
        GanError: the file does not exist, or it is not a complete extractor of this version.
    """
    path = Path(path)
    if not path.is_file():
        raise GanError(f"{path}: there is no such file; an extractor's .safetensors expected")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = json.loads((file.metadata() or {}).get("extractor", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
        if not isinstance(metadata, dict) or metadata.get("format") != FORMAT or metadata.get("kind") not in KINDS:
            raise GanError(f"{path}: not an extractor of format {FORMAT}")
        with torch.device("meta"):  # drawing initial weights would change the random numbers of a training
            network = build(metadata["kind"], metadata["num_classes"], metadata.get("channels", 1))
        floats = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        network.load_state_dict(floats, assign=True)
        return Extractor(network, metadata, hashlib.sha256(path.read_bytes()).hexdigest())
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise GanError(f"{path}: not a complete extractor ({error})") from error
