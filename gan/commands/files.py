"""Output files of commands, which overwrite nothing without --force."""

import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from gan.system.errors import GanError

if TYPE_CHECKING:
    import numpy as np


def write_files(
    out: Path | None, files: Mapping[Path, bytes], *, force: bool, options: Mapping[Path, str] = MappingProxyType({})
) -> None:
    """Write files, each atomically; no file is written if an existing one would change and ``force`` is false.

    Args:
        out: the path for the message if a file cannot be written, as given by --out; None for the file itself.
        files: path -> content.
        force: overwrite files.
        options: the option by which a path was given, if it is not --out, for the message.

    Raises:
        GanError: a file would change and ``force`` is false, or a file cannot be written.
    """
    from gan.system.files import write_bytes

    try:
        differing = [path for path, content in files.items() if path.exists() and path.read_bytes() != content]
        if differing and not force:
            option = options.get(differing[0], "--out")
            raise GanError(
                f"{option}: {differing[0]} exists with other content; give another name, or --force to overwrite"
            )
        for path, content in files.items():
            write_bytes(path, content)
    except OSError as error:
        path = out or error.filename
        raise GanError(
            f"{options.get(Path(str(path)), '--out')}: {path} cannot be written: {error.strerror}"
        ) from error


def npy(array: "np.ndarray") -> bytes:
    """An array as the bytes of a .npy file."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
