"""Reader and writer of run files. Those read may be untrusted: each read is limited in size, depth and time.

All code that reads config.yaml, run.json, quality.json, alarms.json, failed.json or pruned.json uses this module;
`gan.runs.curves` reads metrics.csv through `read_bytes`. A file that is not a regular file, is too large or does not
have the expected format raises a `RunFileError` with its name.
"""

import json
import os
import stat
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from gan.runs import file_names
from gan.system.errors import GanError
from gan.system.files import write_bytes

TIME = "%Y-%m-%dT%H:%M:%S%z"
MOST_BYTES = {".yaml": 2**20, ".json": 2**24, ".csv": 2**28, ".png": 2**26, ".npz": 2**28, ".npy": 2**24}
MOST_VALUES = 200_000  # in a YAML or JSON file; an alias counts as all values it refers to
MOST_DEPTH = 50  # of nested mappings and lists
MOST_WHOLE = 2**64  # largest integer: larger ones have no exact float, and can take minutes to parse
MOST_NUMBER_TEXT = 100  # characters of a YAML number
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, if available


class RunFileError(GanError):
    """A file of a run exists and cannot be read."""


def read_bytes(path: Path) -> bytes:
    """Return all bytes of a regular file of limited size.

    Raises:
        FileNotFoundError: the file does not exist.
        RunFileError: it cannot be read, is not a regular file, or is too large.
    """
    most = MOST_BYTES[path.suffix]
    try:
        _check_regular(path, path.stat())  # before opening it: opening a pipe or a device can block or have effects
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            _check_regular(path, os.fstat(descriptor))
            content = file.read(most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise RunFileError(f"{path}: cannot be read: more than {most:,} bytes")
    return content


def read_json(path: Path, kind: type = dict) -> Any:
    """Return the object, or for ``kind=list`` the array, in a JSON file.

    Raises:
        FileNotFoundError: the file does not exist.
        RunFileError: it is not JSON of this kind within the limits.
    """
    try:
        content = json.loads(read_bytes(path).decode())
    except (ValueError, RecursionError) as error:
        raise unreadable(path, error) from error
    if not isinstance(content, kind):
        raise RunFileError(f"{path}: cannot be read: a JSON {'object' if kind is dict else 'array'} expected")
    _check_values(path, content)
    return content


def read_json_or_empty(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; {} if the file does not exist or cannot be read."""
    try:
        return dict(read_json(path))
    except (OSError, RunFileError):
        return {}


def node(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the mapping of this name in the content of a file; {} if there is none: the file may be anyone's."""
    found = settings.get(name)
    return found if isinstance(found, dict) else {}


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value of a file is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def sample_grids(folder: Path) -> list[Path]:
    """Return the pictures of samples in a run folder, the oldest first."""
    return sorted((folder / file_names.SAMPLES).glob("epoch_*.png"))


def now() -> str:
    """Return the time in the format `TIME` of run files."""
    return time.strftime(TIME)


def write_json(path: Path, content: Any, **options: Any) -> None:
    """Write a JSON file, whole or not at all; ``options`` are those of `json.dumps`."""
    write_bytes(path, (json.dumps(content, indent=2, **options) + "\n").encode())


def read_settings(path: Path) -> dict[str, Any]:
    """Return the settings in a config.yaml.

    Raises:
        FileNotFoundError: the file does not exist.
        RunFileError: it is not a YAML mapping of settings within the limits.
    """
    try:
        loader = _LOADER(read_bytes(path).decode())
        try:
            node = loader.get_single_node()
            _check_nodes(path, node)
            content = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise unreadable(path, error) from error
    if not isinstance(content, dict):
        raise RunFileError(f"{path}: cannot be read: settings by name expected")
    _check_values(path, content)
    return content


def _check_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise RunFileError(f"{path}: cannot be read: not a regular file")
    if status.st_size > MOST_BYTES[path.suffix]:
        raise RunFileError(f"{path}: cannot be read: {status.st_size:,} bytes; at most {MOST_BYTES[path.suffix]:,}")


def _check_nodes(path: Path, root: Any) -> None:
    """Check YAML nodes before values are built: aliases can expand to billions, and numbers can take hours to parse."""
    waiting, count = [(root, 0)] if root is not None else [], 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        _check_bounds(path, count, depth)
        if isinstance(node, yaml.ScalarNode):
            if not node.tag.endswith((":str", ":null")) and len(node.value) > MOST_NUMBER_TEXT:
                raise RunFileError(f"{path}: cannot be read: a number of {len(node.value):,} characters")
        elif isinstance(node, yaml.MappingNode):
            waiting += [(part, depth + 1) for pair in node.value for part in pair]
        else:
            waiting += [(part, depth + 1) for part in node.value]


def _check_values(path: Path, root: Any) -> None:
    """Raise RunFileError unless all values are JSON types within the limits."""
    waiting, count = [(root, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        count += 1
        _check_bounds(path, count, depth)
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for part in (*value, *value.values())]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]
        elif isinstance(value, int) and abs(value) >= MOST_WHOLE:
            raise RunFileError(f"{path}: cannot be read: a number of {value.bit_length()} bits")
        elif value is not None and not isinstance(value, str | int | float):
            raise RunFileError(f"{path}: cannot be read: a {type(value).__name__} in it; plain values expected")


def _check_bounds(path: Path, count: int, depth: int) -> None:
    if count > MOST_VALUES:
        raise RunFileError(f"{path}: cannot be read: more than {MOST_VALUES:,} values")
    if depth > MOST_DEPTH:
        raise RunFileError(f"{path}: cannot be read: more than {MOST_DEPTH} mappings or lists in each other")


def unreadable(path: Path, error: Exception) -> RunFileError:
    """Return the error for a file that does not have the expected format."""
    reason = "too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())[:300]
    return RunFileError(f"{path}: cannot be read: {reason}")
