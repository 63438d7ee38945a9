"""A Lightning callback that reports training problems with settings to try, and stops a run that has diverged."""

import math
import re
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger

from gan.data.normalization import normalize
from gan.game.networks.adapting import generate
from gan.game.networks.evaluation_mode import evaluating
from gan.runs import file_names
from gan.runs.run_files import write_json
from gan.runs.series import ALARMS
from gan.system.errors import ConfigError, at_least_one
from gan.training.callbacks.monitor import GameMonitor
from gan.training.callbacks.quality import QualityMonitor
from gan.training.diagnostics.alarms import Alarm, Debounce, Moment
from gan.training.diagnostics.checks import STILL_COUNT, ClassCheck, DiscriminatorCheck, PictureCheck, Pictures, alike
from gan.training.diagnostics.divergence import LOSSES, Diverged, check_finite, check_losses, first_lost_update
from gan.training.diagnostics.suggestions import suggestions
from gan.training.game_module import GameModule
from gan.training.trainer_parts import callbacks_of, image_data, loggers_of

MARKUP = re.compile(r"[^\w\s,.;:%()='\"/-]|_")  # all characters that may be Markdown markup
WINS, COLLAPSE, MISSING, DEAD, STILL, DIVERGENCE = (
    "discriminator wins",
    "mode collapse",
    "missing classes",
    "dead generator",
    "generator stands still",
    "divergence",
)


class Alarms(L.Callback):
    """Raises an alarm if D wins, for mode collapse, missing classes, a dead or unchanging generator, and divergence.

    An alarm is one line: what was seen, since when, and what to try. It is printed when it begins and at the end of
    the run; another line says when it is over. The run folder's ``alarms.json`` lists all alarms. TensorBoard has the
    lines as text and, once an alarm has begun, ``alarms/…`` as 0 or 1. docs/alarms.md shows a run with each alarm.

    The check of D uses the rows of `GameMonitor` in which both networks were updated; without `GameMonitor` there is
    no such alarm. Once per epoch the generator (not its average) is checked on images from fixed latents. Classes are
    counted by `QualityMonitor`, on the final generator. The checks do not change the random numbers of the training.
    If a loss or a weight is not finite, the run stops with `Diverged`: losses are checked after each row, weights at
    the end of each epoch, before anything is written.

    Args:
        count: number of fixed latents whose images are compared.
        sustained: generator updates for which a problem must last before its alarm begins, and be gone before it ends.
        accuracy: fraction of the real and of the generated images that D must classify correctly to count as winning.
        diversity: mean distance between two images, relative to real images, below which a generator has collapsed.
        patience: generator updates before the alarms for mode collapse and missing classes can begin, unless the
            generator has been diverse, or has made all classes, earlier.

    Attributes:
        raised: all alarms of the run so far, in order.
    """

    def __init__(
        self,
        count: int = 128,
        sustained: int = 500,
        accuracy: float = 0.998,
        diversity: float = 0.25,
        patience: int = 10_000,
    ) -> None:
        at_least_one(sustained=sustained, patience=patience)
        if count < 2:
            raise ConfigError(f"count: {count!r} given, 2 or more expected: the alarm compares images with each other")
        for name, value in {"accuracy": accuracy, "diversity": diversity}.items():
            if not 0 < value <= 1:
                raise ConfigError(f"{name}: {value!r} given, a number above 0 and up to 1 expected")
        self.count = count
        self.raised: list[Alarm] = []
        self._watches = {name: Debounce(sustained) for name in (WINS, COLLAPSE, MISSING, DEAD, STILL)}
        self._discriminator = DiscriminatorCheck(accuracy)
        self._generator = PictureCheck(diversity, patience)
        self._classes = ClassCheck(patience)
        self._before: torch.Tensor | None = None  # some images of the last epoch, (n, C, H, W)
        self._updates = 0  # generator updates at that time

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GameModule)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by a connector
            if isinstance(callback, GameMonitor) and self._on_row not in callback.listeners:
                callback.listeners.append(self._on_row)
            if isinstance(callback, QualityMonitor) and self._on_measures not in callback.listeners:
                callback.listeners.append(self._on_measures)
        if trainer.is_global_zero:
            if self._before is None:
                self._before = self._pictures(trainer, pl_module).fake[:STILL_COUNT]
            self._write(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GameModule)
        check_finite(pl_module, Path(trainer.default_root_dir))
        if trainer.is_global_zero:
            if pl_module.g_updates > self._updates:
                self._look_at_pictures(trainer, pl_module)
            raised = {
                alarm.name for alarm in self.raised
            }  # a chart for each alarm, also if it never begins, is clutter
            self._log(trainer, {name: watch.on for name, watch in self._watches.items() if name in raised})

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, Diverged) and trainer.is_global_zero:
            self.raised.append(Alarm(DIVERGENCE, exception.seen, exception.since, exception.settings))
            self._write(trainer)
            self._log(trainer, {DIVERGENCE: True}, str(self.raised[-1]))

    def state_dict(self) -> dict[str, Any]:
        return {
            "raised": [alarm.plain() for alarm in self.raised],
            "watches": {name: watch.plain() for name, watch in self._watches.items()},
            "log_norms": self._discriminator.log_norms,
            "rows": self._discriminator.rows,
            "best": self._generator.best,
            "whole": self._classes.whole,
            "before": self._before,
            "updates": self._updates,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.raised = [Alarm.of_plain(plain) for plain in state_dict["raised"]]
        for name, plain in state_dict["watches"].items():
            self._watches[name].restore(plain)
        self._discriminator.log_norms, self._discriminator.rows = state_dict["log_norms"], state_dict["rows"]
        self._generator.best, self._classes.whole = state_dict["best"], state_dict["whole"]
        self._before, self._updates = state_dict["before"], state_dict["updates"]

    def _on_row(self, trainer: L.Trainer, game: GameModule, row: dict[str, float]) -> None:
        """Check a row of the monitor. All processes do, so that they agree on whether training has diverged."""
        if not all(math.isfinite(row.get(name, 0.0)) for name in LOSSES):
            check_losses(game, row, _first_lost(trainer, game), Path(trainer.default_root_dir))
        seen = self._discriminator.check(row)
        if trainer.is_global_zero and seen is not None:
            self._watch(trainer, game, WINS, seen)

    def _on_measures(self, trainer: L.Trainer, game: GameModule, measures: dict[str, float]) -> None:
        if trainer.is_global_zero:
            seen = self._classes.missing(measures, image_data(trainer).num_classes, game.g_updates)
            if seen is not None:
                self._watch(trainer, game, MISSING, seen)

    def _look_at_pictures(self, trainer: L.Trainer, game: GameModule) -> None:
        pictures, before = self._pictures(trainer, game), self._before
        assert before is not None
        still = PictureCheck.still(pictures, before)
        self._before, self._updates = pictures.fake[:STILL_COUNT], game.g_updates
        dead = PictureCheck.dead(pictures)
        unchanged = f"the {pictures.one}s of the same latent vectors did not change from one epoch to the next"
        self._watch(trainer, game, STILL, unchanged if still and not dead else "")
        self._watch(trainer, game, DEAD, dead)
        self._watch(trainer, game, COLLAPSE, "" if dead else self._generator.collapsed(pictures, game.g_updates))

    def _pictures(self, trainer: L.Trainer, game: GameModule) -> Pictures:
        """Images from the fixed latents, with the generator in eval mode, and real images of the same classes."""
        data = image_data(trainer)
        z, labels = game.fixed_latents(self.count, "alarms")
        with evaluating(game.generator), torch.no_grad():
            fake = generate(game.generator, z, labels).float().cpu()
        loaded = data.loaded
        if labels is None:
            return Pictures(fake, normalize(loaded.images[: self.count], data.mean, data.std))
        places = alike(loaded.labels, labels.cpu())
        return Pictures(
            fake, normalize(loaded.images[places], data.mean, data.std), labels.cpu(), loaded.labels[places]
        )

    def _watch(self, trainer: L.Trainer, game: GameModule, name: str, seen: str) -> None:
        """Report a problem that begins or ends now; ``seen`` is "" if there is no problem."""
        since = self._watches[name].update(bool(seen), _moment(trainer, game))
        if since is None:
            return
        if seen:
            self.raised.append(Alarm(name, seen, since, suggestions(name, game.hparams)))
            line = str(self.raised[-1])
        else:
            alarm = next(alarm for alarm in reversed(self.raised) if alarm.name == name)
            alarm.over = since
            line = alarm.end
        _say(trainer, line)
        self._write(trainer)
        self._log(trainer, {name: bool(seen)}, line)

    def _write(self, trainer: L.Trainer) -> None:
        alarms = [{"message": alarm.message, **alarm.plain()} for alarm in self.raised]
        write_json(Path(trainer.default_root_dir) / file_names.ALARMS, alarms, ensure_ascii=False)

    @staticmethod
    def _log(trainer: L.Trainer, states: dict[str, bool], line: str = "") -> None:
        for logger in loggers_of(trainer, TensorBoardLogger):
            if line:
                logger.experiment.add_text("alarms", as_it_is(line), trainer.global_step)
            values = {ALARMS + name.replace(" ", "_"): float(on) for name, on in states.items()}
            logger.log_metrics(values, step=trainer.global_step)


def as_it_is(line: str) -> str:
    """Escape a line for TensorBoard, which renders text as Markdown: names and settings must appear unchanged."""
    return MARKUP.sub(lambda found: f"&#{ord(found[0])};", " ".join(line.split()))


def raised_alarms(trainer: L.Trainer) -> list[Alarm]:
    """All alarms of a run so far."""
    return [alarm for callback in callbacks_of(trainer, Alarms) for alarm in callback.raised]


def _first_lost(trainer: L.Trainer, game: GameModule) -> dict[str, int | None]:
    """For each loss, the first update of its network at which it was not finite in any process."""
    found = {}
    for name, (_, counter) in LOSSES.items():
        if name in game.record.taken:
            losses, updates = game.record.taken[name]
            own = first_lost_update(losses, updates, getattr(game, counter))
            known = math.inf if own is None else float(own)  # a float on all ranks, which reduce it together
            first = torch.tensor(known, device=game.device)
            first = trainer.strategy.reduce(first, reduce_op="min")
            found[name] = int(first) if first.isfinite() else None
    return found


def _moment(trainer: L.Trainer, game: GameModule) -> Moment:
    return Moment(trainer.current_epoch + 1, game.g_updates)


def _say(trainer: L.Trainer, line: str) -> None:
    bar = trainer.progress_bar_callback
    if bar is None:
        print(line)
    else:
        bar.print(line)
