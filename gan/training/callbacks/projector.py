"""What D sees in images, for TensorBoard's page PROJECTOR: its features of real ones and fakes, with the pictures."""

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from gan.data.module import ImageData
from gan.data.normalization import denormalize, normalize
from gan.generators import pictures
from gan.system.errors import ConfigError, at_least_one, counted
from gan.system.files import write_bytes
from gan.training.callbacks.samples import evaluating
from gan.training.module import GAN

CONFIG = "projector_config.pbtxt"  # the name that TensorBoard looks for
COMPONENTS = 50  # the page's own t-SNE and UMAP look at no more
PART = 100  # images at a time
MOST = 1000  # of each kind: with images of 128 pixels, a sprite of 5760 x 5760, which a graphics card still takes


class FeatureProjector(L.Callback):
    """Leaves the discriminator's features of real and of fake images where TensorBoard's PROJECTOR finds them.

    The features are the trunk's output, on which the logit stands, in eval mode, of images without augmentation and
    noise. Where they are more than 50 numbers their first 50 principal components are kept; the name says what share
    of the variance that is. The real images are taken evenly from the whole training set; the fakes are of
    ``game.final_generator`` and of the same latents each time. Training's random numbers are left alone.

    In the folder of the TensorBoard logger, without which nothing is done: ``projector/update_0001400/`` with
    ``features.tsv``, ``metadata.tsv`` (each image: real or fake, the class that it has or was asked for, D's logit) and
    ``sprite.png`` (the images; points of the plane have none), real and fake in turn; and projector_config.pbtxt, which
    names them, the newest first. Of several processes the first does it.

    Args:
        count: real images, and as many fakes; at most 1000.
        every: epochs after which it is done, besides at the end of training; None: at the end alone.
    """

    def __init__(self, count: int = 256, every: int | None = None) -> None:
        at_least_one(count=count, **({} if every is None else {"every": every}))
        if count > MOST:
            raise ConfigError(f"count: {count!r} given, {MOST} or fewer expected: the page shows each as a picture")
        self.count = count
        self.every = every

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """What an abandoned continuation left is removed."""
        assert isinstance(pl_module, GAN)
        for folder in _folders(trainer):
            for own in (folder / "projector").glob("update_*"):
                if int(own.name.removeprefix("update_")) > pl_module.g_updates:
                    shutil.rmtree(own)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.every is not None and (trainer.current_epoch + 1) % self.every == 0:
            self._project(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._project(trainer, pl_module)

    def _project(self, trainer: L.Trainer, game: L.LightningModule) -> None:
        assert isinstance(game, GAN)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        for folder in _folders(trainer):
            images, features, rows = self._seen(game, data)
            if not features.isfinite().all():  # what guards the checkpoints says so
                return
            own = folder / "projector" / f"update_{game.g_updates:07d}"
            components, share = principal_components(features, COMPONENTS)
            write_bytes(own / "features.tsv", _table(components.tolist()))
            write_bytes(own / "metadata.tsv", _table([("real or fake", "class", "logit"), *rows]))
            if images.dtype == torch.uint8:
                write_bytes(own / "sprite.png", pictures.png(sprite(images.numpy())))
            kept = f", {components.shape[1]} components with {100 * share:.0f} % of the variance"
            kept = "" if components is features else kept
            _name_first(folder, own, f"D's features after {counted(game.g_updates, 'update')}{kept}", images.shape)

    def _seen(self, game: GAN, data: ImageData) -> tuple[Tensor, Tensor, list[tuple[str, str, str]]]:
        """Images at rest (N, C, H, W), D's features of them (N, F), and what metadata.tsv says; all on the CPU."""
        real, classes = _evenly(data, self.count)
        z, asked = game.fixed_latents(len(real), "projector")
        as_real = torch.arange(len(z), device=game.device) % max(1, game.num_classes)  # for a D that must be told one
        with evaluating(game.final_generator), evaluating(game.discriminator), torch.no_grad():
            fake = _in_parts(game.final_generator, z, asked)
            seen = _in_turn(normalize(real.to(game.device), data.mean, data.std), fake)
            labels = _in_turn(classes.to(game.device), as_real if asked is None else asked)
            features = _in_parts(game.discriminator.features, seen, labels).cpu()
            logits = _in_parts(game.discriminator, seen, labels).tolist()
        images = _in_turn(real, denormalize(fake, data.mean, data.std, real.dtype).cpu())
        names = [_class(data, label) for label in labels.tolist()]
        if asked is None:
            names[1::2] = ["-"] * len(z)
        kinds = ["real", "fake"] * len(z)
        rows = [(kind, name, f"{logit:.3g}") for kind, name, logit in zip(kinds, names, logits, strict=True)]
        return images, features, rows


def _in_turn(real: Tensor, fake: Tensor) -> Tensor:
    """One of each kind, then the next (2N, …): drawn in this order, neither kind covers the other."""
    return torch.stack([real, fake], dim=1).flatten(0, 1)


def _in_parts(network: Callable[..., Tensor], inputs: Tensor, labels: Tensor | None) -> Tensor:
    """What a network makes of all of them, some at a time: bounds the memory."""
    if labels is None:
        return torch.cat([network(part) for part in inputs.split(PART)])
    return torch.cat([network(*part) for part in zip(inputs.split(PART), labels.split(PART), strict=True)])


def principal_components(features: Tensor, most: int) -> tuple[Tensor, float]:
    """The first ``most`` principal components of features (N, F), as (N, K), and their share of the variance.

    Features that are no more than that are given back as they are.
    """
    if features.shape[1] <= most:
        return features, 1.0
    centred = (features - features.mean(dim=0)).cpu().double()
    variances, vectors = torch.linalg.eigh(centred @ centred.T)  # N x N: there are often more features than images
    variances, vectors = variances.clamp(min=0).flip(0), vectors.flip(1)
    total = float(variances.sum())
    kept = (vectors * variances.sqrt())[:, :most]
    return kept.float(), min(1.0, float(variances[:most].sum()) / total) if total > 0 else 1.0


def sprite(images: pictures.Pixels) -> pictures.Pixels:
    """Images uint8 (N, C, H, W) without a gap in rows, as many as there are columns: (C, height, width)."""
    columns = math.ceil(math.sqrt(len(images)))
    filled = pictures.grid(images, columns=columns, padding=0)
    return np.pad(filled, ((0, 0), (0, columns * images.shape[2] - filled.shape[1]), (0, 0)))


def _evenly(data: ImageData, count: int) -> tuple[Tensor, Tensor]:
    """Images at rest and their labels: ``count`` or all there are, evenly from the first to the last of the set."""
    loaded = data.loaded
    number = len(loaded.images)
    places = torch.linspace(0, number - 1, min(count, number)).round().long()
    return loaded.images[places], loaded.labels[places]


def _class(data: ImageData, label: int) -> str:
    names = data.class_names
    return " ".join(names[label].split()) if label < len(names) else "-"


def _table(rows: Sequence[Sequence[Any]]) -> bytes:
    """Tab-separated; floats to 6 digits."""
    lines = ("\t".join(f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _folders(trainer: L.Trainer) -> list[Path]:
    """The folders of the TensorBoard loggers, in the first process."""
    loggers = trainer.loggers if trainer.is_global_zero else []
    return [Path(logger.log_dir) for logger in loggers if isinstance(logger, TensorBoardLogger)]


def _name_first(folder: Path, own: Path, name: str, shape: Sequence[int]) -> None:
    """Tell TensorBoard of what was written into ``own``: before what is there of earlier updates.

    Args:
        shape: (N, C, H, W) of the images.
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo, ProjectorConfig

    place = own.relative_to(folder).as_posix()
    info = EmbeddingInfo(tensor_name=name, tensor_path=f"{place}/features.tsv", metadata_path=f"{place}/metadata.tsv")
    if (own / "sprite.png").exists():
        info.sprite.image_path = f"{place}/sprite.png"
        info.sprite.single_image_dim.extend([shape[3], shape[2]])
    before = ProjectorConfig()
    if (folder / CONFIG).exists():
        text_format.Parse((folder / CONFIG).read_text(), before)
    kept = [one for one in before.embeddings if one.tensor_path != info.tensor_path]
    kept = [one for one in kept if (folder / one.tensor_path).exists()]
    write_bytes(folder / CONFIG, text_format.MessageToString(ProjectorConfig(embeddings=[info, *kept])).encode())
