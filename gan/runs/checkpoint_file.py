"""Checkpoint files: a checksum (the seal) that detects damaged files, and the search for the newest intact one.

A checkpoint is the zip archive that ``torch.save`` writes. The seal is the comment of the archive: the sha256 of all
bytes before it. So it is in the same file, and other programs can still read the archive. This module does not import
torch.
"""

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from gan.runs import file_names
from gan.system.errors import GanError

SEAL = b"gan sha256 "
SEAL_LENGTH = len(SEAL) + 64
COUNT_LENGTH = 2  # bytes: an archive ends with the length of its comment, in 16 bits, and the comment


class CheckpointError(GanError):
    """The checkpoint is missing, damaged, or not written by this program."""


def sealed(archive: bytes) -> bytes:
    """Return a zip archive that has no comment, with the seal added as its comment."""
    body = archive[:-COUNT_LENGTH] + SEAL_LENGTH.to_bytes(COUNT_LENGTH, "little")
    return body + SEAL + hashlib.sha256(body).hexdigest().encode()


def read_whole(path: Path) -> bytes:
    """Return the bytes of a checkpoint after checking its seal.

    Raises:
        CheckpointError: the file does not exist, cannot be read, or is damaged.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(f"{path}: not a file; a checkpoint expected")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}; a checkpoint expected") from error
    body, seal = content[:-SEAL_LENGTH], content[-SEAL_LENGTH:]
    if not seal.startswith(SEAL):
        raise CheckpointError(f"{path}: incomplete, or not a checkpoint of this program: its end marker is missing")
    if seal != SEAL + hashlib.sha256(body).hexdigest().encode():
        raise CheckpointError(f"{path}: damaged: its bytes are not those that were written (sha256)")
    return content


def has_seal(path: Path) -> bool:
    """False for a file that does not end with a seal; True if it has one or cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - SEAL_LENGTH))
            return file.read().startswith(SEAL)
    except OSError:
        return True


def is_intact(path: Path) -> bool:
    """True for a checkpoint that can be read and has a correct seal."""
    with contextlib.suppress(CheckpointError):
        read_whole(path)
        return True
    return False


def newest_first(run: Path) -> list[Path]:
    """Return the checkpoint files of a run folder, intact or damaged, newest first.

    Raises:
        CheckpointError: the folder checkpoints/ exists and cannot be read.
    """
    folder = run / file_names.CHECKPOINTS
    try:
        found = [(entry.stat(follow_symlinks=False).st_mtime_ns, Path(entry)) for entry in os.scandir(folder)]
    except OSError as error:
        if not os.path.lexists(folder):
            return []
        raise CheckpointError(f"{folder}: {error.strerror}; a folder of checkpoints expected") from error
    named = [(written, path) for written, path in found if path.suffix == ".ckpt"]
    return [path for _, path in sorted(named, reverse=True)]
