"""From words to points: each point's settings as Hydra composes them, before any of them is run."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write

from gan import launch
from gan.errors import GanError
from gan.sweeps.points import Point, content, folder_of

PLACE = "/run"  # stands for a run folder that is not known yet


class Composer:
    """Makes points of words.

    Attributes:
        sweep: the folder in which they lie.
        dry: the points are only to be shown.
    """

    def __init__(self, context: HydraContext, config: DictConfig) -> None:
        self._loader = context.config_loader
        self._config = config
        self.sweep = Path(str(config.hydra.sweep.dir))
        self.dry = bool(config.get("dry_run"))

    def overrides(self, words: Sequence[str]) -> list[Override]:
        """Words as Hydra reads them; of two for the same setting the last."""
        parser = OverridesParser.create(config_loader=self._loader)
        return list({override.get_key_element(): override for override in parser.parse_overrides(list(words))}.values())

    def point(self, words: Sequence[str], swept: Sequence[str], hydra_words: Sequence[str] = ()) -> Point:
        """The point of these words, of which ``swept`` tell it from the others.

        Raises:
            HydraException: there is no such setting or option.
        """
        its_content = self._content(words)
        return Point(tuple(words), its_content, folder_of(self.sweep, swept, its_content), tuple(hydra_words))

    def _content(self, words: Sequence[str]) -> str:
        config = self._loader.load_sweep_config(self._config, list(words))
        with _as_hydra_config(config), read_write(config), open_dict(config):
            del config["hydra"]
            config.run_dir = PLACE
            try:
                return content(launch.resolved(config))
            except GanError:  # a value that is missing, say: its run will tell; until then it is what was asked for
                return " ".join(sorted(words))


@contextlib.contextmanager
def _as_hydra_config(config: DictConfig) -> Iterator[None]:
    """Inside, references such as ``${hydra:job.name}`` are to this point."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)
    try:
        yield
    finally:
        HydraConfig.instance().cfg = before
