"""Settings changed at random: they are valid, or refused with a message. Never anything else."""

import copy
import functools
import typing
from pathlib import Path
from typing import Any

from config_problems import paths
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from option_classes import GROUPS, options

from gan.config.validation import validate
from gan.system.errors import ConfigError

WORDS = [
    "",
    "none",
    "auto",
    "mlp",
    "???",
    "nan",
    "-1",
    "a.b",
    "torch.optim.Adam",
    "os.system",
    "é",
    "x" * 300,
    "${seed}",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.sampled_from([2**31, 2**64, -(2**64), 10**400])
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=2),
    max_leaves=4,
)
CHANGE = st.tuples(st.integers(0, 10**6), st.sampled_from(["set", "set", "set", "removed", "misspelt"]), VALUES)


@functools.cache
def composed() -> list[dict[str, Any]]:
    """Configurations that have every option of every group of ours between them."""
    groups = {group: options(group) for group in GROUPS}
    with initialize_config_dir(str(Path(__file__).parents[2] / "conf"), version_base="1.3"):
        configs = [
            compose("config", [*(f"{group}={names[i % len(names)]}" for group, names in groups.items()), "run_dir=run"])
            for i in range(max(map(len, groups.values())))
        ]
    return [typing.cast(Any, OmegaConf.to_container(config, resolve=True)) for config in configs]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(which=st.integers(0, 100), changes=st.lists(CHANGE, min_size=1, max_size=4))
def test_settings_changed_at_random_are_valid_or_refused(which: int, changes: list[tuple[int, str, Any]]) -> None:
    changed = copy.deepcopy(composed()[which % len(composed())])
    for place, kind, value in changes:
        known = list(paths(changed))
        *above, name = known[place % len(known)]
        node = changed
        for step in above:
            node = node[step]
        if kind == "removed":
            del node[name]
        else:
            node[name if kind == "set" else "nmae"] = value
    try:
        validate(changed)
    except ConfigError as refused:
        assert all(line.strip() for line in str(refused).splitlines())
