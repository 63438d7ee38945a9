"""A Lightning callback that writes D's features of real and generated images for TensorBoard's page PROJECTOR."""

import logging
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
from gan.game.gradients import in_parts
from gan.game.networks.evaluation_mode import evaluating
from gan.generators import pictures
from gan.system.errors import ConfigError, at_least_one, counted
from gan.system.files import write_bytes
from gan.training.game_module import GameModule
from gan.training.trainer_parts import loggers_of

logger = logging.getLogger(__name__)
CONFIG = "projector_config.pbtxt"  # the name that TensorBoard looks for
COMPONENTS = 50  # the page's t-SNE and UMAP use no more
PART = 100  # images at a time
MOST = 1000  # images of each kind; with 128 pixels the sprite is 5760 x 5760, which graphics cards still accept


class FeatureProjector(L.Callback):
    """Writes the discriminator's features of real and generated images for TensorBoard's PROJECTOR.

    The features are the output of the trunk, the input of the layer that computes the logit, in eval mode, of images
    without augmentation and noise. If there are more than 50 features, their first 50 principal components are written,
    and the name gives their fraction of the variance. The real images are evenly spaced over the training set. The
    generated images are from ``game.final_generator`` and fixed latents. The training's random numbers do not change.

    The callback writes into the folder of the TensorBoard logger; without this logger it does nothing. Rank 0 writes.
    ``projector/update_0001400/`` has ``features.tsv``, ``metadata.tsv`` (per image: real or fake, its class or the
    requested one, D's logit) and ``sprite.png`` (the images; 2-D data have none), alternating between real and fake.
    projector_config.pbtxt lists these folders, newest first.

    Args:
        count: number of real images and of generated images; at most 1000.
        every: also write after every so many epochs; None: write only at the end of training.
    """

    def __init__(self, count: int = 256, every: int | None = None) -> None:
        at_least_one(count=count, **({} if every is None else {"every": every}))
        if count > MOST:
            raise ConfigError(f"count: {count!r} given, {MOST} or fewer expected: the page shows each as a picture")
        self.count = count
        self.every = every

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remove the files of updates after the checkpoint that the run resumes from."""
        assert isinstance(pl_module, GameModule)
        if _folders(trainer) and not hasattr(pl_module.discriminator, "features"):
            name = type(pl_module.discriminator).__name__
            logger.warning("callbacks.projector: %s has no method `features`; no features are written", name)
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
        assert isinstance(game, GameModule)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        for folder in _folders(trainer) if hasattr(game.discriminator, "features") else ():
            images, features, rows = self._seen(game, data)
            if not features.isfinite().all():  # the check before each checkpoint raises the error
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

    def _seen(self, game: GameModule, data: ImageData) -> tuple[Tensor, Tensor, list[tuple[str, str, str]]]:
        """Images as stored (N, C, H, W), D's features of them (N, F), and the rows of metadata.tsv; on the CPU."""
        real, classes = _evenly(data, self.count)
        z, asked = game.fixed_latents(len(real), "projector")
        as_real = torch.arange(len(z), device=game.device) % (game.num_classes or 1)  # for a conditional D
        if game.prior.clusters:
            as_real = game.prior.codes(z).categorical[0]
        with evaluating(game.final_generator), evaluating(game.discriminator), torch.no_grad():
            fake = _output(game.final_generator, z, asked)
            seen = _in_turn(normalize(real.to(game.device), data.mean, data.std), fake)
            labels = _in_turn(classes.to(game.device), as_real if asked is None else asked)
            discriminator: Any = game.discriminator
            features = _output(discriminator.features, seen, labels).cpu()
            logits = _output(discriminator, seen, labels).tolist()
        images = _in_turn(real, denormalize(fake, data.mean, data.std, real.dtype).cpu())
        names = [_class(data, label) for label in labels.tolist()]
        if asked is None:
            names[1::2] = ["-"] * len(z)
        kinds = ["real", "fake"] * len(z)
        rows = [(kind, name, f"{logit:.3g}") for kind, name, logit in zip(kinds, names, logits, strict=True)]
        return images, features, rows


def _in_turn(real: Tensor, fake: Tensor) -> Tensor:
    """Real and fake alternating (2N, …), so that neither kind is drawn on top of the other."""
    return torch.stack([real, fake], dim=1).flatten(0, 1)


def _output(network: Callable[..., Tensor], inputs: Tensor, labels: Tensor | None) -> Tensor:
    """The network's output for all inputs, computed in parts to limit memory use."""
    tensors = (inputs,) if labels is None else (inputs, labels)
    return torch.cat([network(*part) for _, part in in_parts(math.ceil(len(inputs) / PART), *tensors)])


def principal_components(features: Tensor, most: int) -> tuple[Tensor, float]:
    """The first ``most`` principal components (N, K) of features (N, F), and their fraction of the variance.

    If F is at most ``most``, the features are returned unchanged.
    """
    if features.shape[1] <= most:
        return features, 1.0
    centred = (features - features.mean(dim=0)).cpu().double()
    variances, vectors = torch.linalg.eigh(centred @ centred.T)  # N x N: often there are more features than images
    variances, vectors = variances.clamp(min=0).flip(0), vectors.flip(1)
    total = float(variances.sum())
    kept = (vectors * variances.sqrt())[:, :most]
    return kept.float(), min(1.0, float(variances[:most].sum()) / total) if total > 0 else 1.0


def sprite(images: pictures.Pixels) -> pictures.Pixels:
    """A square grid without gaps, (C, height, width), of images uint8 (N, C, H, W)."""
    columns = math.ceil(math.sqrt(len(images)))
    filled = pictures.grid(images, columns=columns, padding=0)
    return np.pad(filled, ((0, 0), (0, columns * images.shape[2] - filled.shape[1]), (0, 0)))


def _evenly(data: ImageData, count: int) -> tuple[Tensor, Tensor]:
    """Images as stored and their labels for D: ``count`` (or all) evenly spaced from the first to the last."""
    number = len(data.loaded.images)
    places = torch.linspace(0, number - 1, min(count, number)).round().long()
    return data.loaded.images[places], data.training_labels[places]


def _class(data: ImageData, label: int) -> str:
    names = data.class_names
    return " ".join(names[label].split()) if label < len(names) else "-"


def _table(rows: Sequence[Sequence[Any]]) -> bytes:
    """Tab-separated; floats to 6 digits."""
    lines = ("\t".join(f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _folders(trainer: L.Trainer) -> list[Path]:
    """The folders of the TensorBoard loggers in rank 0; none in other processes."""
    return [Path(logger.log_dir) for logger in loggers_of(trainer, TensorBoardLogger) if trainer.is_global_zero]


def _name_first(folder: Path, own: Path, name: str, shape: Sequence[int]) -> None:
    """Add the files in ``own`` to TensorBoard's configuration, before the entries of earlier updates.

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
