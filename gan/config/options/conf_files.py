"""Reader of the option files in ``conf/``: header, values as written, and comments."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gan.system.errors import ConfigError, GanError

_PACKAGE = Path(__file__).parents[2]
_INSTALLED, _CHECKOUT = _PACKAGE / "conf", _PACKAGE.parent / "conf"  # pyproject.toml: the wheel has conf/ as gan/conf
CONF = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
Keys = tuple[str, ...]


@dataclass(frozen=True)
class ConfFile:
    """One file, including the files of its group that it inherits from.

    Attributes:
        header: paragraphs and indented lines of the comment at its beginning.
        package: path of its settings: the name of the group, or the value of ``# @package``.
        defaults: its defaults list, from group to option; files of the same group under the key "".
        values: each setting's value as written, lists without blanks; keys from outside to inside.
        comments: comments beside or above the keys of settings and nodes.
    """

    header: tuple[str, ...] = ()
    package: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[Keys, str] = field(default_factory=dict)
    comments: Mapping[Keys, str] = field(default_factory=dict)

    def value(self, *keys: str) -> str | None:
        return self.values.get(keys)


def conf_folder(folder: Path = CONF) -> Path:
    """The folder of the option files.

    Raises:
        GanError: it does not exist.
    """
    if not (folder / "config.yaml").is_file():
        raise GanError(f"gan options: {folder} is not there; a complete installation of gan has it")
    return folder


def yaml_message(error: yaml.YAMLError, path: Path | None = None) -> str:
    """One line for a YAML file that cannot be read: where, and the problem."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    where = f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{path or (mark.name if mark else 'a YAML file')}{where}: not valid YAML: {' '.join(problem.split())}"


def read_conf_file(path: Path) -> ConfFile:
    """Read one file, and the files of its folder in its defaults list.

    Raises:
        ConfigError: it is not valid YAML.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    comment_lines = next((index for index, line in enumerate(lines) if not line.startswith("#")), len(lines))
    opening = [line.removeprefix("#").removeprefix(" ") for line in lines[:comment_lines]]
    package = next((line.split()[1] for line in opening if line.startswith("@package ")), path.parent.name)
    header = _paragraphs([line for line in opening if not line.startswith("@package ")])

    values: dict[Keys, str] = {}
    comments: dict[Keys, str] = {}
    defaults: dict[str, str] = {}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(yaml_message(error, path)) from error
    if isinstance(root, yaml.MappingNode):
        defaults = _defaults(root)
        for keys, key, node in _entries(root, ()):
            if not isinstance(node, yaml.MappingNode):
                values[keys] = _as_written(text, node)
            if comment := _comment(lines, comment_lines, key, node):
                comments[keys] = comment
    for name in defaults.pop("", "").split():
        inherited = read_conf_file(path.parent / f"{name}.yaml")
        values, comments = {**inherited.values, **values}, {**inherited.comments, **comments}
    return ConfFile(header, package, defaults, values, comments)


def _paragraphs(lines: list[str]) -> tuple[str, ...]:
    """Join the lines of each paragraph; indented lines, such as commands, are joined at backslashes only."""
    joined: list[str] = []
    for line in lines:
        if joined and joined[-1].endswith(" \\"):
            joined[-1] = f"{joined[-1][:-2]} {line.strip()}"
        elif joined and line and not line.startswith(" ") and joined[-1] and not joined[-1].startswith(" "):
            joined[-1] += f" {line}"
        else:
            joined.append(line)
    return tuple(line for line in joined if line)


def _defaults(root: yaml.MappingNode) -> dict[str, str]:
    """The defaults list: group -> option, and under "" the files of the same group, separated by blanks."""
    listed: list[yaml.Node] = next((node.value for key, node in root.value if key.value == "defaults"), [])
    chosen: dict[str, str] = {}
    for item in listed:
        if isinstance(item, yaml.MappingNode):
            chosen |= {key.value.removeprefix("override ").removeprefix("/"): node.value for key, node in item.value}
        elif item.value != "_self_":
            chosen[""] = f"{chosen.get('', '')} {item.value}".strip()
    return chosen


def _entries(node: yaml.MappingNode, above: Keys) -> Iterator[tuple[Keys, yaml.Node, yaml.Node]]:
    """Every key path except the defaults list, with the YAML nodes of the key and of its value."""
    for key, value in node.value:
        keys = (*above, str(key.value))
        if keys == ("defaults",):
            continue
        yield keys, key, value
        if isinstance(value, yaml.MappingNode):
            yield from _entries(value, keys)


def _as_written(text: str, node: yaml.Node) -> str:
    written = text[node.start_mark.index : node.end_mark.index].strip()
    if isinstance(node, yaml.SequenceNode):
        return f"[{','.join(_as_written(text, item) for item in node.value)}]"
    return written or "null"


def _comment(lines: list[str], comment_lines: int, key: yaml.Node, value: yaml.Node) -> str:
    """The comment after a value with its continuation lines, or else the comment above the key."""
    block = isinstance(value, yaml.MappingNode) and not value.flow_style
    mark = key.end_mark if block else value.end_mark
    line = lines[mark.line] if mark.line < len(lines) else ""  # a block of text ends after the last line
    found = re.match(r":?\s+#\s*(.+)", line[mark.column :])
    if found:
        column = line.index("#", mark.column)
        below = _comment_lines(lines[mark.line + 1 :], column)
        return " ".join([found[1].strip(), *below])
    above = reversed(lines[comment_lines : key.start_mark.line])
    return " ".join(reversed(list(_comment_lines(above, key.start_mark.column))))


def _comment_lines(lines: Iterable[str], column: int) -> Iterator[str]:
    """The first lines that contain only a comment at this column."""
    for line in lines:
        if len(line) - len(line.lstrip(" ")) != column or line[column : column + 1] != "#":
            return
        yield line[column:].lstrip("# ").strip()


def value_of(written: str) -> Any:
    """The value of a text in an option file, as Hydra reads it: 1e-4 is a number, unlike in YAML 1.1."""
    from omegaconf import OmegaConf

    return OmegaConf.to_container(OmegaConf.create(f"value: {written}"))["value"]  # type: ignore[index,call-overload]  # a mapping
