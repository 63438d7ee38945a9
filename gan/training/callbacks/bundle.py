"""A Lightning callback that saves the generator after every epoch, ready for `gan sample`."""

import logging
from pathlib import Path
from typing import Any

import lightning.pytorch as L

from gan.config.kinds import given_arguments
from gan.generators.bundle import FILE_NAME, describe, family_of, save_bundle
from gan.training.description import NotDescribed, generator_node
from gan.training.diagnostics.divergence import check_finite
from gan.training.game_module import GameModule

logger = logging.getLogger(__name__)


class GeneratorBundle(L.Callback):
    """Writes the run folder's generator.safetensors after every epoch.

    In a Trainer of the user's own, the arguments of the generator's constructor must be known: see
    `gan.training.description`. Otherwise nothing is written, and one line says why.

    Raises:
        Diverged: a weight is not finite; the file is not overwritten.
    """

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GameModule)
        check_finite(pl_module, Path(trainer.default_root_dir))
        if not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        generator: Any = pl_module.final_generator
        try:
            node = generator_node(pl_module)
        except NotDescribed as error:
            if trainer.current_epoch == 0:
                logger.warning("no %s is written: %s", FILE_NAME, error)
            return
        metadata = describe(
            family_of(node["_target_"]),
            given_arguments(node),
            prior=pl_module.prior,
            image_shape=data.image_shape,
            mean=data.mean,
            std=data.std,
            num_classes=(pl_module.num_classes or 0) if pl_module.conditional else 0,
            data={
                "name": data.loaded.name,
                "origin": _origin(data),
                "class_names": list(data.class_names),
                **({"split": data.loaded.split} if data.loaded.split else {}),
            },
            trained={
                "epochs": trainer.current_epoch + 1,
                "g_updates": pl_module.g_updates,
                "d_updates": pl_module.d_updates,
                "images_seen": pl_module.images_seen,
                "seed": pl_module.seed,
            },
        )
        save_bundle(Path(trainer.default_root_dir) / FILE_NAME, generator, metadata)


def _origin(data: Any) -> str:
    """The origin of the images without local folder paths, because bundles are shared."""
    places = [Path(place).expanduser().resolve() for place in (data.folder, data.root) if place]
    origin: str = data.origin
    for place in places:
        origin = origin.replace(str(place), place.name)
    return origin
