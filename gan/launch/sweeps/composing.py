"""Composition of jobs: make jobs with their settings from overrides by Hydra, before any job runs."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write

from gan.launch import hydra_job, hydra_messages
from gan.launch.command_line import may_be_null, without_null_groups
from gan.runs.sweep_jobs import SweepJob, content, folder_of
from gan.system.errors import ConfigError, GanError, unknown_name

PLACE = "/<run folder>"  # placeholder for the run folder, which is not known yet; no real path begins with it


class Composer:
    """Makes jobs from overrides.

    Attributes:
        sweep: folder of the sweep.
        dry: only show the jobs.
    """

    def __init__(self, context: HydraContext, config: DictConfig) -> None:
        self._loader = context.config_loader
        self._config = config
        self.sweep = Path(str(config.hydra.sweep.dir))
        self.dry = bool(config.get("dry_run"))

    def overrides(self, words: Sequence[str]) -> list[Override]:
        """Parse overrides by Hydra's grammar; of two for the same setting, keep the last.

        Raises:
            ConfigError: one of several options of a group does not exist.
            HydraException: an override cannot be parsed.
        """
        parser = OverridesParser.create(config_loader=self._loader)
        found = {override.get_key_element(): override for override in parser.parse_overrides(list(words))}
        for override in found.values():
            if override.is_discrete_sweep():
                self._check_options(override)
        return list(found.values())

    def _check_options(self, override: Override) -> None:
        """Raise ConfigError for an unknown option before the first job runs, not when its own job starts."""
        options = self._loader.get_group_options(override.key_or_group)
        for given in override.sweep_string_iterator() if options else ():
            is_null = given == "null" and may_be_null(override.key_or_group)
            if given not in options and not is_null and not given.startswith("["):
                raise ConfigError(unknown_name(override.key_or_group, given, options))

    def job(self, words: Sequence[str], swept: Sequence[str], hydra_words: Sequence[str] = ()) -> SweepJob:
        """Make a job from overrides; ``swept`` are those that differ between jobs.

        Invalid overrides, e.g. penalty.gamma without a penalty, also give a job: it fails, while the other jobs of the
        sweep can run.
        """
        words, mistake = without_null_groups(words), ""
        try:
            its_content = self._content(words)
        except HydraException as error:
            mistake, its_content = hydra_messages.hydra_message(error, words), " ".join(sorted(words))
        folder = folder_of(self.sweep, swept, its_content)
        return SweepJob(tuple(words), its_content, folder, tuple(hydra_words), mistake)

    def _content(self, words: Sequence[str]) -> str:
        config = self._loader.load_sweep_config(self._config, list(words))
        with _as_hydra_config(config), read_write(config), open_dict(config):
            del config["hydra"]
            config.run_dir = PLACE
            try:
                return content(hydra_job.resolved(config))
            except GanError:  # e.g. a missing value: the run will report it; until then the overrides identify the job
                return " ".join(sorted(words))


@contextlib.contextmanager
def _as_hydra_config(config: DictConfig) -> Iterator[None]:
    """Inside the block, interpolations like ``${hydra:job.name}`` refer to this job."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)
    try:
        yield
    finally:
        HydraConfig.instance().cfg = before
