"""Checkpoints as files: a seal by which a damaged one is told, and which of a run's is the newest whole one.

A checkpoint is what ``torch.save`` writes, a zip archive; the seal is the archive's comment, the sha256 of all bytes
before it. So it stands in the same file, and whoever reads the archive without us is not disturbed. Nothing here
imports torch.
"""

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from gan.system.errors import GanError

SEAL = b"gan sha256 "
SEAL_LENGTH = len(SEAL) + 64
COUNT_LENGTH = 2  # an archive ends with the length of its comment, in 16 bits, and the comment


class CheckpointError(GanError):
    """A checkpoint that is missing, damaged, or not one of ours."""


def sealed(archive: bytes) -> bytes:
    """A zip archive without a comment, with the seal as its comment."""
    body = archive[:-COUNT_LENGTH] + SEAL_LENGTH.to_bytes(COUNT_LENGTH, "little")
    return body + SEAL + hashlib.sha256(body).hexdigest().encode()


def read_whole(path: Path) -> bytes:
    """The bytes of a checkpoint, once its seal has been found to be right.

    Raises:
        CheckpointError: there is no such file, it cannot be read, or it is not whole.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(f"{path}: not a file; a checkpoint expected")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}; a checkpoint expected") from error
    body, seal = content[:-SEAL_LENGTH], content[-SEAL_LENGTH:]
    if not seal.startswith(SEAL):
        raise CheckpointError(f"{path}: cut short, or no checkpoint of this program: it ends without its seal")
    if seal != SEAL + hashlib.sha256(body).hexdigest().encode():
        raise CheckpointError(f"{path}: damaged: its bytes are not those that were written (sha256)")
    return content


def is_intact(path: Path) -> bool:
    """True for a checkpoint that can be read and whose seal is right."""
    with contextlib.suppress(CheckpointError):
        read_whole(path)
        return True
    return False


def newest_first(run: Path) -> list[Path]:
    """What is called a checkpoint in a run folder's checkpoints/, whole or not, the last written first.

    Raises:
        CheckpointError: there is such a folder, and it cannot be read.
    """
    folder = run / "checkpoints"
    try:
        found = [(entry.stat(follow_symlinks=False).st_mtime_ns, Path(entry)) for entry in os.scandir(folder)]
    except OSError as error:
        if not os.path.lexists(folder):
            return []
        raise CheckpointError(f"{folder}: {error.strerror}; a folder of checkpoints expected") from error
    named = [(written, path) for written, path in found if path.suffix == ".ckpt"]
    return [path for _, path in sorted(named, reverse=True)]
