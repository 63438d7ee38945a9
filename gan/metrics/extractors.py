"""Frozen networks that images are judged by, three for each data set.

- The classifier: distances are taken in its features. It has seen clean images alone, so whatever looks unlike them
  moves its features far.
- The labeller: which class is it? The same network, trained on speckled images too, so that it knows a digit among the
  speckles that small GANs draw. Its features have learnt to look past them, and are no good for distances.
- The autoencoder: features that no label had a part in, for a second opinion on every distance.

Those of MNIST and Fashion-MNIST come with the package (``weights/``); those that a user trains lie in `own_folder`. A
number says which file it was measured with by its sha256.
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
from gan.metrics.cache import digest
from gan.metrics.networks import Autoencoder, Classifier, as_input, build
from gan.system.errors import GanError, counted, unknown_name
from gan.system.files import write_bytes

WEIGHTS = Path(__file__).parent / "weights"
KINDS = ("classifier", "labeller", "autoencoder")
# Settings of `data` that decide what is read, and their defaults.
READING = MappingProxyType({"split": None, "fit": None, "on_broken": "error", "class_order": "natural"})
FORMAT = 1
PART = 250  # images at a time, always: see Extractor.features


class NoExtractorError(GanError):
    """There is no extractor for a set; the message says how to make one."""


def own_folder() -> Path:
    """Where a user's own extractors lie: ``$XDG_DATA_HOME/gan/extractors``, by default in ``~/.local/share``."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path("~/.local/share").expanduser()) / "gan" / "extractors"


def extractor_name(data: LoadedImages) -> str:
    """By which a set's extractors are found: of a sample its full set's, of stacks their base's.

    A folder of pictures goes by the pictures, at the size that they are trained on: ``folder-`` and a digest.
    """
    if data.name == FOLDER:
        return f"{FOLDER}-{digest(data.images, data.held_out_images)[:16]}"
    return extractors_of(data.name, is_colour=data.images.shape[1] == 3, split=data.split)


def extractors_of(name: str, *, is_colour: bool, split: str | None = None) -> str:
    """The same by the name of a set that is no folder, and whether its images have three channels."""
    base = name.removeprefix("stacked_").removesuffix("_sample")
    if split not in (None, next(iter(SOURCES.get(base, {None: None})))):
        base = f"{base}-{split}"  # with classes of its own
    return f"{base}-colour" if is_colour and not name.startswith("stacked_") else base


def training_command(name: str, settings: Mapping[str, Any], *, channels: int, size: int) -> str:
    """What makes the extractors of a set, as typed into a shell.

    Args:
        name: of the set.
        settings: that it was loaded with, as `gan.data.sources.load` takes them.
        channels, size: of its images.
    """
    words = ["gan", "metrics", "train-extractor", "--data", name.removeprefix("stacked_").removesuffix("_sample")]
    if name == FOLDER:
        words += ["--folder", str(settings.get("folder") or "PATH"), "--image-size", str(size)]
        words += ["--image-channels", str(channels)]
    elif channels == 3 and not name.startswith("stacked_"):
        words += ["--image-channels", "3"]
    return shlex.join([*words, *reading_options(settings)])


def reading_options(settings: Mapping[str, Any]) -> list[str]:
    """Which split, and how a folder's pictures are read, as options of a command; what is by default is left out."""
    given = {name: settings.get(name) for name in READING}
    chosen = {name: value for name, value in given.items() if value not in (None, READING[name])}
    return [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", str(value))]


class Extractor(nn.Module):
    """A frozen network: eval mode for good, gradients off.

    It can stand in torchmetrics as ``FrechetInceptionDistance(feature=extractor, normalize=True)``.

    Attributes:
        network: what computes.
        metadata: ``kind``, ``data``, ``num_classes``, ``accuracy`` or ``reconstruction``, ``command``, …
        sha256: of the file, or "" for one that never was in a file.
        channels: that it looks at together: 1, or 3 of colour pictures.
        num_features: D, for so many channels.
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
        """Such as "mnist_classifier"."""
        return f"{self.metadata['data']}_{self.metadata['kind']}"

    def train(self, mode: bool = True) -> "Extractor":
        """Nothing: whoever puts a model that holds this in training mode does not mean the instrument."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (N, 1, H, W), or float in [0, 1] -> features (N, D)."""
        pixels = images if images.dtype == torch.uint8 else (images * 255).round().to(torch.uint8)
        return self.network.features(as_input(pixels)) * self.scale

    @torch.no_grad()
    def features(self, images: Tensor | np.ndarray) -> Tensor:
        """Features float32 (N, C·D), on the CPU, of uint8 images (N, C, H, W); channels are looked at one by one.

        An extractor of colour pictures looks at all three together: (N, D).

        The features are scaled so that the D of the training images have a mean variance of 1: a Fréchet distance then
        is in units of how much real images vary, and D is about what a generator gets that always draws the mean.

        An image's features do not depend on its companions, bit for bit: the network always sees parts of 250 images,
        the last filled up with black ones. (Kernels are chosen by the shape of the whole, and round differently.)
        """
        return torch.cat([self._per_channel(part) for part in self._parts(images)])

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Logits float32 (N, C, num_classes) from the features (N, C·D) of a labeller or classifier.

        Raises:
            GanError: this is an autoencoder.
        """
        if not isinstance(self.network, Classifier):
            raise GanError(f"{self.name} knows no classes; give a labeller")
        last = self.network.last
        split = features.reshape(len(features), -1, self.num_features) / self.scale
        # by hand and in float64: a matrix product in float32 rounds by the shape of the whole
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
            raise GanError(f"{self.name} looks at images of {own}; these have {full.shape[1]}")
        seen = [self(channels.to(device)).cpu()[: len(part)] for channels in full.split(self.channels, dim=1)]
        return torch.cat(seen, dim=1)


def save_extractor(path: Path, network: Classifier | Autoencoder, metadata: dict[str, Any]) -> None:
    """Write a network as safetensors, whole or not at all; weights as float16, running statistics as float32."""
    learned = {name for name, _ in network.named_parameters()}
    tensors = {
        name: (tensor.half() if name in learned else tensor).detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
    }
    text = json.dumps({"format": FORMAT, **metadata}, sort_keys=True)
    write_bytes(path, save(tensors, metadata={"extractor": text}))


def load_extractor(data: str, kind: str = "classifier", command: str = "") -> Extractor:
    """The extractor of a data set ("mnist", "fashion"; a ``_sample`` has its full set's), on the CPU.

    Args:
        data: such as "mnist", which comes with the package; or as `extractor_name` calls a set, of the user's own.
        command: what would make it, if that is not plain from the name.

    Raises:
        NoExtractorError: no extractor for this set.
        GanError: no such kind.
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
    """The extractor in a file that ``gan metrics train-extractor`` has written, on the CPU.

    Raises:
        GanError: there is no such file, or it is not a whole extractor of this version.
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
        with torch.device("meta"):  # no initial weights are drawn: that would disturb the randomness of a training
            network = build(metadata["kind"], metadata["num_classes"], metadata.get("channels", 1))
        floats = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        network.load_state_dict(floats, assign=True)
        return Extractor(network, metadata, hashlib.sha256(path.read_bytes()).hexdigest())
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise GanError(f"{path}: not a whole extractor ({error})") from error
