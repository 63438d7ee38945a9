"""What a command writes: all of its files or none, and nothing of the user's is overwritten without --force."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gan.system.errors import GanError

if TYPE_CHECKING:
    import numpy as np


def write_files(out: Path | None, files: Mapping[Path, bytes], *, force: bool) -> None:
    """Write files, each whole or not at all; one that is there and would change is kept, unless ``force`` is true.

    Args:
        out: what is said to be unwritable where the disk does not take a file, as it was given as --out; None: the file
            itself.

    Raises:
        GanError: a file would change, and ``force`` is false; or the disk does not take it.
    """
    from gan.system.files import write_bytes

    try:
        differing = [path for path, content in files.items() if path.exists() and path.read_bytes() != content]
        if differing and not force:
            raise GanError(f"--out: {differing[0]} exists and would change; give another name, or --force to overwrite")
        for path, content in files.items():
            write_bytes(path, content)
    except OSError as error:
        raise GanError(f"--out: {out or error.filename} cannot be written: {error.strerror}") from error


def npy(array: "np.ndarray") -> bytes:
    """An array as the bytes of a .npy file."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
