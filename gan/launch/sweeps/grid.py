"""Every combination of the values that are given: what `-m` does."""

import itertools
from collections.abc import Sequence

from hydra.core.override_parser.types import Override

from gan.launch.sweeps.composing import Composer
from gan.launch.sweeps.runner import Runner
from gan.runs.sweep_jobs import SweepJob, check_one_can_run
from gan.system.errors import ConfigError


def run(composer: Composer, words: Sequence[str], runner: Runner) -> list[SweepJob]:
    """Run what is missing of a grid; its jobs."""
    chosen = jobs(composer, words)
    runner(chosen)
    return chosen


def jobs(composer: Composer, words: Sequence[str]) -> list[SweepJob]:
    """The jobs of a grid, each once, in the order in which the last word changes fastest.

    Raises:
        ConfigError: a word names an interval, of which a grid cannot take every value, or no value; an option does not
            exist; or none of the jobs has settings.
        HydraException: a word cannot be read.
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
    """A word for each value that an override gives."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    name, given = override.get_key_element(), str(override.input_line).partition("=")[2]
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{name}: {given} given, which is a search's; values to try expected, such "
            f"as {name}=1,2, or hydra/sweeper=optuna"
        )
    values = [f"{name}={value}" for value in override.sweep_string_iterator()]
    if not values:
        raise ConfigError(f"{name}: {given} given, which has no value")
    return values
