"""The GAN for a Lightning Trainer: `GameModule` with logs and metrics in any Trainer, and loading of checkpoints."""

from collections.abc import Sequence
from typing import Any, Self

import lightning.pytorch as L

from gan.training.callbacks.plain_trainer import attach
from gan.training.description import describe, load_game
from gan.training.fast_loop import EpochLoop
from gan.training.game_module import GameModule


class GAN(GameModule):
    """A GAN as a LightningModule with manual optimization.

    >>> import gan, lightning
    >>> trainer = lightning.Trainer(max_epochs=5)
    >>> trainer.fit(gan.GAN(), gan.ImageData("mnist"))  # doctest: +SKIP

    A batch is ``(images, labels)``: normalised float32 (N, C, H, W) and int64 (N,); or images alone. The counters are
    ``d_updates`` and ``g_updates`` (updates of each network), ``turns`` (minibatches) and ``images_seen`` (real images
    of all processes). ``global_step`` counts generator updates.

    In a Trainer without `GameMonitor`, the losses, accuracies and so on are logged by ``self.log``. ``validate``,
    ``test`` and the validation of ``fit`` measure ``quality/fcd`` and the other metrics of `QualityMonitor`, on as many
    generated images as the batches have.

    Args:
        generator, discriminator, prior, optimizer, …: as for `GameModule`.
        game: the other arguments of `Game`: objective, penalty, schedule, lr_schedule, augmentation, ema, seed, …
    """

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # without hparams_file
        cls,
        checkpoint_path: Any,
        map_location: Any = None,
        *,
        trust: Sequence[str] = (),
        strict: bool = True,
        weights_only: bool | None = None,
        **parts: Any,
    ) -> Self:
        """The game of a checkpoint, of a run or of your own Trainer; no code of the file is run.

        Args:
            checkpoint_path: the file.
            map_location: device of the game; None for the CPU.
            trust: packages from which classes may be imported, as ["mypkg"], in addition to gan, lightning and torch.
            strict: whether the weights must fit the networks exactly.
            weights_only: Lightning's argument, which is ignored here and always true.
            parts: arguments of the constructor, instead of those in the checkpoint, as ``generator=MyGenerator(64)``.

        Raises:
            GanError: the file is no checkpoint of a game, needs a class of a package that is not trusted, or does not
                describe a part, which must be given then.
        """
        return load_game(cls, checkpoint_path, map_location, trust=trust, strict=strict, parts=parts)

    def configure_callbacks(self) -> list[L.Callback]:
        """Log and measure in a Trainer of the user's own; the Trainer of a run has its configured callbacks."""
        if not isinstance(self.trainer.fit_loop, EpochLoop):
            attach(self.trainer)
        return []

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["description"] = describe(self)
