"""How a run's checkpoints get to the disk and back: whole or not at all, in the background, and never as code."""

import contextlib
import errno
import io
import os
import zipfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.fabric.utilities.apply_func import apply_to_collection
from torch import Tensor

from gan.runs.checkpoint_file import CheckpointError, read_whole, sealed
from gan.system.files import make_folder, write_bytes

FORMAT = 1
IN_THE_BACKGROUND = {"background": True}
# From a format to the next: functions of a checkpoint, changed in place. The first format has none before it.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], None]] = {}


class SealedCheckpoints(CheckpointIO):
    """Lightning's way to the disk: sealed files, written beside their target and renamed, while training goes on.

    With `IN_THE_BACKGROUND` among a call's storage options it does not wait for the file: what is saved is copied at
    once, so the file holds the moment of the call. One file is written at a time: the next call waits for it, and tells
    its error, if it had one; so does the end of the run.
    """

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._writing: Future[None] | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        self.wait()
        copied = apply_to_collection({**checkpoint, "format": FORMAT}, Tensor, lambda tensor: tensor.detach().clone())
        with contextlib.suppress(OSError):  # which the writing will have too
            make_folder(Path(path).parent)
        self._writing = self._writer.submit(_write, copied, Path(path))
        if storage_options != IN_THE_BACKGROUND:
            self.wait()

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """The checkpoint, on the CPU if nothing else is said; ``weights_only`` is always true, whatever is given.

        Raises:
            CheckpointError: it is missing, damaged, of a newer version of this program, or holds more than data.
        """
        return load(Path(path), map_location or "cpu")

    def remove_checkpoint(self, path: Any) -> None:
        self.wait()
        Path(path).unlink(missing_ok=True)

    def wait(self) -> None:
        """Until the last file is written.

        Raises:
            OSError: it could not be; the file that was there before is as it was.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def teardown(self) -> None:
        self.wait()


def load(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """A sealed checkpoint, in today's format.

    Raises:
        CheckpointError: as ``SealedCheckpoints.load_checkpoint``.
    """
    content = read_whole(path)
    try:
        _check_stored(content)
        checkpoint: dict[str, Any] = torch.load(io.BytesIO(content), map_location=map_location, weights_only=True)
    except Exception as error:  # of any kind: torch reads what somebody may have made up
        raise CheckpointError(f"{path}: not a checkpoint that can be read: it holds more than data") from error
    written = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    if type(written) is not int or not 1 <= written <= FORMAT:
        raise CheckpointError(f"{path}: format {written} given, {FORMAT} or less expected: a newer version wrote it")
    for older in range(written, FORMAT):
        MIGRATIONS[older](checkpoint)
    return checkpoint


def _check_stored(content: bytes) -> None:
    """Raise ValueError where the archive would grow as it is read: torch compresses nothing."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > len(content):
            raise ValueError("compressed")


def _write(checkpoint: dict[str, Any], path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    if not path.parent.exists():  # it was there a moment ago; made anew, it would hide what was moved
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    write_bytes(path, sealed(buffer.getvalue()))
