"""Settings that have moved: their old paths in saved runs, on the command line and in the user's own configurations.

Runs of earlier versions have ``name: r1`` in the node of a group, where ``_target_: gan.game.penalties.R1`` stands now.
Saved runs are translated for ever; on the command line an old path works with a warning until the next release.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gan.config.kinds import NONE, PARTS
from gan.config.option_names import options_by_target
from gan.config.options.conf_files import CONF, read_conf_file
from gan.system.trust import is_below

# The old path of a setting, and its path now.
MOVED = {
    "objective.concatenate": "game.d_batch",
    "objective.instance_noise": "game.instance_noise.std",
    "objective.instance_noise_images": "game.instance_noise.images",
    "objective.class_weight": "game.auxiliary_losses.class_weight",
    "objective.information_weight": "game.auxiliary_losses.information_weight",
    "game.concatenate": "game.d_batch",
    "game.one_pass": "game.d_batch",
    "game.instance_noise": "game.instance_noise.std",
    "game.instance_noise_images": "game.instance_noise.images",
    "game.class_weight": "game.auxiliary_losses.class_weight",
    "game.information_weight": "game.auxiliary_losses.information_weight",
    "hydra.sweeper.together": "hydra.sweeper.n_jobs",
    "hydra.launcher.together": "hydra.launcher.n_jobs",
}
# Settings that were true or false: the value now for true. False was the default, "separate" now.
WAS_TRUE = {
    "objective.concatenate": "concatenated",
    "game.concatenate": "concatenated",
    "game.one_pass": "one_pass",
}
SEPARATE = "separate"
# Settings that every `game` node of an earlier version has, also one with a class of the user's own.
OF_EARLIER_GAME = {"concatenate", "instance_noise", "class_weight", "information_weight"}
# Classes of the nodes into which settings have moved.
CLASSES = {
    "game": "gan.GAN",
    "game.instance_noise": "gan.game.augmentation.InstanceNoise",
    "game.auxiliary_losses": "gan.game.losses.AuxiliaryLosses",
}
# Groups whose nodes had the name of their option, which a class stands for now.
NAMED = ("model", *PARTS)
# Objectives that had a setting `real_target` without effect.
NO_TARGET = ("hinge", "wasserstein", "relativistic_paired", "relativistic_average")


def updated(settings: Mapping[str, Any], given: Collection[str] = ()) -> dict[str, Any]:
    """Settings with the present paths; those of this version are returned as they are.

    Args:
        given: present paths that the command line sets: their values replace those at old paths.
    """
    found = {name: dict(node) if isinstance(node, Mapping) else node for name, node in settings.items()}
    if isinstance(found.get("game", {}), dict):
        for old, new in _moved(found).items():
            group, name = old.split(".")
            value = found[group].pop(name)
            if new not in given:
                _move(old, value, new, found)
    if isinstance(found.get("objective"), dict) and "name" in found["objective"]:
        if isinstance(found.setdefault("game", {}), dict):
            found["game"].setdefault("_target_", "gan.GAN")
        if found["objective"]["name"] in NO_TARGET:
            found["objective"].pop("real_target", None)
    for group in NAMED:
        node = found.get(group)
        if isinstance(node, dict) and _has_old_name(group, node):
            found[group] = _with_class(group, node)
    if isinstance(found.get("data"), dict) and "name" in found["data"]:
        found["data"] = {"_target_": "gan.ImageData", **found["data"]}
    return found


def moved_paths(settings: Mapping[str, Any]) -> list[str]:
    """One warning for each old path in settings, as in a configuration of the user's own."""
    nodes = {name: node for name, node in settings.items() if isinstance(node, Mapping)}
    found = _moved(nodes)
    found |= {f"{group}.name": f"{group}._target_" for group in NAMED if _has_old_name(group, nodes.get(group, {}))}
    return [warning(path, new) for path, new in found.items()]


def warning(old: str, new: str) -> str:
    return f"{old} is now {new}; the old name works until the next release"


def _moved(nodes: Mapping[str, Any]) -> dict[str, str]:
    """The old paths that have a value in these settings, with the present ones.

    Two flags that were true together were refused; they are left for validation.
    """
    given = {old: new for old, new in MOVED.items() if _is_given(old, nodes)}
    true = [old for old in given if old in WAS_TRUE and nodes[old.partition(".")[0]][old.partition(".")[2]]]
    return given if len({WAS_TRUE[old] for old in true}) < 2 else {old: given[old] for old in given if old not in true}


def _is_given(old: str, nodes: Mapping[str, Any]) -> bool:
    """Whether an old path has a value that was allowed there, and is no setting of a class of the user's own.

    A node or null at ``game.instance_noise`` is the present setting.
    """
    group, _, name = old.partition(".")
    node = nodes.get(group)
    if not isinstance(node, Mapping):
        return False
    is_ours = is_below(str(node.get("_target_", "gan")), ["gan"])
    if not is_ours and not (group == "game" and node.keys() >= OF_EARLIER_GAME):
        return False
    value = node.get(name)
    return isinstance(value, bool) if old in WAS_TRUE else value is not None and not isinstance(value, Mapping)


def _move(old: str, value: Any, new: str, settings: dict[str, Any]) -> None:
    """Give the new path its value, in nodes with their classes."""
    *path, name = new.split(".")
    node = settings
    for depth, key in enumerate(path, 1):
        inner = node.get(key)
        target = CLASSES[".".join(path[:depth])]
        node[key] = {"_target_": target, **inner} if isinstance(inner, Mapping) else {"_target_": target}
        node = node[key]
    if old not in WAS_TRUE:
        node[name] = value
    elif value:
        node[name] = WAS_TRUE[old]
    elif node.get(name) in (None, WAS_TRUE[old]):
        node[name] = SEPARATE


def _has_old_name(group: str, node: Mapping[str, Any]) -> bool:
    """Whether a node has the name of an option, without a class or beside that of the option that it replaces."""
    beside = str(node.get("_target_", NONE))
    return "name" in node and ("_target_" not in node or (group != "model" and beside.startswith("gan.")))


def _with_class(group: str, node: Mapping[str, Any]) -> dict[str, Any]:
    """The node with the class of its option instead of the name."""
    own = {key: value for key, value in node.items() if key not in ("name", "_target_")}
    name = str(node["name"])
    if group == "model":
        file = read_conf_file(CONF / group / f"{name}.yaml") if name in options_by_target(group).values() else None
        places = ((), ("codes",), ("generator",), ("discriminator",))
        for keys in places if file else ():
            assert file is not None
            own = _placed(own, keys, file.value(*keys, "_target_"))
        return own if file else dict(node)
    if name == "none" and (CONF / group / "none.yaml").is_file():
        return {"_target_": read_conf_file(CONF / group / "none.yaml").value("_target_") or NONE, **own}
    target = next((target for target, option in options_by_target(group).items() if option == name), None)
    return {"_target_": target, **own} if target else dict(node)


def _placed(node: dict[str, Any], keys: Sequence[str], target: str | None) -> dict[str, Any]:
    if not keys:
        return {"_target_": target, **node}
    inner = node.get(keys[0])
    return {**node, keys[0]: {"_target_": target, **inner}} if isinstance(inner, Mapping) else node


def updated_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Overrides with the present paths, and one warning for each that has moved."""
    own_classes = {
        word.partition("._target_=")[0].lstrip("+")
        for word in words
        if "._target_=" in word and not is_below(word.partition("=")[2], ["gan"])
    }
    values = {word.partition("=")[0].lstrip("+"): word.partition("=")[2].lower() for word in words}
    true = {WAS_TRUE[name] for name in WAS_TRUE if "true" in values.get(name, "")}
    new_words, warnings = [], []
    has_flag = bool(true)
    for word in words:
        path, equals, value = word.partition("=")
        name = path.lstrip("+~")
        new = MOVED.get(name) if equals or path.startswith("~") else None
        if name.partition(".")[0] in own_classes:
            new = None
        elif new is not None and equals:
            translated = None if name in WAS_TRUE and len(true) > 1 else _translated_value(name, value)
            if translated == SEPARATE and name in WAS_TRUE:
                if has_flag:  # two flags were one setting: one that is false says nothing beside another one
                    warnings.append(warning(name, new))
                    continue
                has_flag = True
            new, value = (None, value) if translated is None else (new, translated)
        elif new is not None and new.startswith(f"{name}."):
            new = None  # ~game.instance_noise removes the node
        if new is None and name.endswith(".name") and name.removesuffix(".name") in NAMED and equals:
            new = name.removesuffix(".name")
        if new is None:
            new_words.append(word)
            continue
        new_words.append(f"{path[: len(path) - len(name)]}{new}{equals}{value}")
        warnings.append(warning(name, new))
    return new_words, warnings


def _translated_value(old: str, value: str) -> str | None:
    """What to write at the new path for a value that was allowed at an old one; None if it was not.

    A sweep has several values: ``true,false``.
    """
    if old in WAS_TRUE:
        known = {"true": WAS_TRUE[old], "false": SEPARATE}
        values = [known.get(each.strip().lower()) for each in value.split(",")]
        return ",".join(each for each in values if each) if all(values) else None
    return None if value.lower() == "null" or value.startswith("{") else value
