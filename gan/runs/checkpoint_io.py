"""Checkpoint saving and loading: atomic writes in a background thread; loading never executes code from the file."""

import contextlib
import errno
import io
import os
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.fabric.utilities.apply_func import apply_to_collection
from torch import Tensor

from gan.runs.checkpoint_file import CheckpointError, has_seal, read_whole, sealed
from gan.system.files import make_folder, write_bytes

FORMAT = 1
IN_THE_BACKGROUND = {"background": True}


class SealedCheckpoints(CheckpointIO):
    """Lightning CheckpointIO that writes sealed files to a temporary name and renames them, while training continues.

    With the storage option `IN_THE_BACKGROUND`, a call does not wait for the file: it copies the checkpoint at once, so
    the file has the state at the time of the call. One file is written at a time: the next call, or the end of the run,
    waits for it and raises its error, if any.
    """

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._writing: Future[None] | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        self.wait()
        copied = apply_to_collection({**checkpoint, "format": FORMAT}, Tensor, lambda tensor: tensor.detach().clone())
        with contextlib.suppress(OSError):  # the write will raise it too
            make_folder(Path(path).parent)
        self._writing = self._writer.submit(_write, copied, Path(path))
        if storage_options != IN_THE_BACKGROUND:
            self.wait()

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load a checkpoint, to the CPU by default; ``weights_only`` is ignored and always true.

        Raises:
            CheckpointError: it is missing, damaged, from a newer version of this program, or contains more than data.
        """
        return load(Path(path), map_location or "cpu")

    def remove_checkpoint(self, path: Any) -> None:
        self.wait()
        Path(path).unlink(missing_ok=True)

    def wait(self) -> None:
        """Wait until the last file is written.

        Raises:
            OSError: the write failed; the previous file is unchanged.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def teardown(self) -> None:
        self.wait()


def load(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """Load a sealed checkpoint.

    Raises:
        CheckpointError: as ``SealedCheckpoints.load_checkpoint``.
    """
    content = read_whole(path)
    try:
        _check_stored(content)
        checkpoint: dict[str, Any] = torch.load(io.BytesIO(content), map_location=map_location, weights_only=True)
    except Exception as error:  # of any kind: the file may be malicious
        raise CheckpointError(f"{path}: not a readable checkpoint: it contains more than data") from error
    written = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    if type(written) is not int or written != FORMAT:
        raise CheckpointError(f"{path}: format {written} given, {FORMAT} expected: a newer version wrote it")
    return checkpoint


def load_any(path: Path) -> dict[str, Any]:
    """As `load`, also for a file that a Trainer of the user's own has written, which has no seal.

    Raises:
        CheckpointError: it is missing, damaged, or contains more than data.
    """
    if has_seal(path):
        return load(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind: the file may be malicious
        raise CheckpointError(f"{path}: not a readable checkpoint: damaged, or it contains more than data") from error
    return checkpoint if isinstance(checkpoint, dict) else {}


def _check_stored(content: bytes) -> None:
    """Raise ValueError if the archive is compressed, as torch never does: reading it could fill the memory."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > len(content):
            raise ValueError("compressed")


def _write(checkpoint: dict[str, Any], path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    if not path.parent.exists():  # moved or deleted since the call; a new folder would hide that
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    write_bytes(path, sealed(buffer.getvalue()))
