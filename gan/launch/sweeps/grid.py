"""Grid sweep, the default of `-m`: every combination of the given values."""

import itertools
from collections.abc import Sequence

from hydra.core.override_parser.types import Override

from gan.launch.sweeps.composing import Composer
from gan.launch.sweeps.runner import Runner
from gan.runs.sweep_jobs import STUDY, SweepJob, check_one_can_run
from gan.system import shell
from gan.system.errors import ConfigError


def run(composer: Composer, words: Sequence[str], runner: Runner) -> list[SweepJob]:
    """Run the unfinished jobs of a grid, and return all its jobs.

    Raises:
        ConfigError: the folder is that of a search.
    """
    if (composer.sweep / STUDY).exists():
        raise ConfigError(
            f"hydra.sweep.dir: {shell.short(composer.sweep)} contains a search (hydra/sweeper=optuna), whose jobs "
            "would be mixed with these; give another folder"
        )
    chosen = jobs(composer, words)
    runner(chosen)
    return chosen


def jobs(composer: Composer, words: Sequence[str]) -> list[SweepJob]:
    """Return the jobs of a grid without duplicates; the last override changes fastest.

    Raises:
        ConfigError: an override has an interval, whose values a grid cannot enumerate, or no value; an option does not
            exist; or all jobs are invalid.
        HydraException: an override cannot be parsed.
    """
    overrides = composer.overrides(words)
    found: dict[str, SweepJob] = {}
    for chosen in itertools.product(*(_values(override) for override in overrides)):
        swept = [word for word, override in zip(chosen, overrides, strict=True) if override.is_sweep_override()]
        job = composer.job(chosen, swept)
        found.setdefault(job.content, job)
    check_one_can_run(list(found.values()))
    return list(found.values())


def _values(override: Override) -> list[str]:
    """Return one override for each value of a sweep override."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    name, given = override.get_key_element(), str(override.input_line).partition("=")[2]
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{name}: {given} given, which only a search accepts; values expected, such "
            f"as {name}=1,2, or hydra/sweeper=optuna"
        )
    values = [f"{name}={value}" for value in override.sweep_string_iterator()]
    if not values:
        raise ConfigError(f"{name}: {given} given, which has no values")
    return values
