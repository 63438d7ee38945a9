"""Differences of a run's settings from the defaults, for the summary before training."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan.config.free_settings import within
from gan.config.kinds import RECIPE, given_arguments, locate
from gan.config.option_names import option_name
from gan.config.options.conf_files import CONF, ConfFile, Keys, read_conf_file, value_of
from gan.system.value_types import parameters_of

# Settings that have lines of their own in the summary, or none, because they say where files are.
SHOWN_ELSEWHERE = (
    *("data.name", "data.root", "data.batch_size"),
    *("model.generator", "model.discriminator", "model.latent_dim", "model.prior"),
)


def changed_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """One line for each group whose option or settings are not the default ones, and one for other differences.

    The others are those of data, model, game and seed.

    The networks, the dataset's name, the batch size and the length are left out: the summary has lines of their own.

    Args:
        settings: the whole configuration in plain containers.
    """
    defaults = read_conf_file(CONF / "config.yaml")
    rows = {}
    for group in RECIPE:
        option, changed = option_name(group, settings[group]), own_settings(group, settings[group])
        if option != defaults.defaults.get(group) or changed:
            rows[group] = f"{option} ({', '.join(changed)})" if changed else option
    others = [text for group in ("data", "model") for text in own_settings(group, settings[group])]
    if others := [*others, *_of_config(settings, defaults)]:
        rows["other"] = ", ".join(others)
    return rows


def own_settings(group: str, node: Mapping[str, Any], part: str = "") -> list[str]:
    """The settings of an option that differ from its file in conf/, such as "lr 0.001"; all, for an option without one.

    Args:
        part: only the settings of this node inside the option, such as "generator".
    """
    file = CONF / group / f"{node.get('name') if group == 'data' else option_name(group, node)}.yaml"
    known = read_conf_file(file) if file.is_file() else ConfFile()
    inside, above = (node[part], (part,)) if part else (node, ())
    changed = []
    for keys, value in _flat(given_arguments(inside)):
        written = known.value(*above, *keys)
        if written is None:  # added from the class
            differs = value != _class_default(inside, keys)
        elif written.startswith(f"${{{group}."):  # a reference inside the option, such as ${optimizer.lr}
            differs = value != node.get(written.removeprefix(f"${{{group}.").removesuffix("}"))
        else:
            differs = _differs(value, written)
        if differs and not within(".".join((group, *above, *keys)), () if part else SHOWN_ELSEWHERE):
            changed.append(f"{'.'.join(keys)} {value}")
    return changed


def _class_default(node: Mapping[str, Any], keys: Keys) -> Any:
    """The default of an argument of a node's class; None if it has none."""
    called = locate(str(node.get("_target_")))
    parameter = parameters_of(called).get(keys[0]) if called is not None and len(keys) == 1 else None
    return None if parameter is None or parameter.default is parameter.empty else parameter.default


def _of_config(settings: Mapping[str, Any], defaults: ConfFile) -> Iterator[str]:
    """The seed and the settings of the game, if they differ from config.yaml."""
    for keys, value in [(("seed",), settings["seed"]), *((("game", *k), v) for k, v in _flat(settings["game"]))]:
        if keys != ("game", "_target_") and _differs(value, defaults.value(*keys)):
            yield f"{'.'.join(keys[1:]) or 'seed'} {value}"


def _flat(node: Mapping[str, Any], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every setting in nested nodes, with its path."""
    for name, value in node.items():
        keys = (*above, str(name))
        if isinstance(value, Mapping):
            yield from _flat(given_arguments(value), keys)
        else:
            yield keys, value


def _differs(value: Any, written: str | None) -> bool:
    """Whether a value is not the one in a file. A reference such as ${optimizer.lr} counts as the same value."""
    if written is None:
        return value is not None
    if written.startswith("${"):
        return False
    return bool(value != value_of(written))
