"""A Lightning callback that saves the generator after every epoch, ready for `gan sample`."""

from pathlib import Path
from typing import Any

import lightning.pytorch as L

from gan.config.kinds import given_arguments
from gan.generators.bundle import FILE_NAME, describe, family_of, save_bundle
from gan.training.diagnostics.divergence import check_finite
from gan.training.module import GAN


class GeneratorBundle(L.Callback):
    """Writes the run folder's generator.safetensors after every epoch.

    Raises:
        Diverged: a weight is not finite; the file is not overwritten.
    """

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GAN)
        check_finite(pl_module, Path(trainer.default_root_dir))
        if not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        generator: Any = pl_module.final_generator
        model = pl_module.hparams["model"]
        metadata = describe(
            family_of(model["generator"]["_target_"]),
            given_arguments(model["generator"]),
            prior=pl_module.prior,
            image_shape=data.image_shape,
            mean=data.mean,
            std=data.std,
            num_classes=(pl_module.num_classes or 0) if pl_module.conditional else 0,
            data={"name": data.loaded.name, "origin": _origin(data), "class_names": list(data.class_names)},
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
