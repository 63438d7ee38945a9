"""User messages for errors during training: out of memory, disk full, run folder deleted, port in use."""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan.runs import file_names, run_end, run_folder
from gan.runs.run_files import RunFileError, read_settings
from gan.system.errors import RunError

NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")  # CUDA and MPS; CPU on two systems
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
OF_A_WRITE = (*NO_ROOM, errno.EIO, errno.EFBIG, errno.EROFS)  # errors of an open file, which do not name it


def to_user_error(error: Exception, folder: Path, batch_size: int | None = None) -> Exception:
    """Convert an error that the user can fix to a `RunError`; return any other error unchanged.

    Args:
        folder: run folder, unless this process has claimed another one.
        batch_size: batch size from the command line; a resumed run uses the one in its folder.
    """
    folder = run_folder.claimed() or folder
    if is_out_of_memory(error):
        return RunError(_out_of_memory(error, _batch_size(folder) or batch_size) + _left(folder))
    if isinstance(error, RuntimeError) and "EADDRINUSE" in str(error):  # from torch, which is not imported for this
        return RunError(_port_in_use() + _left(folder))
    if isinstance(error, OSError) and (path := _not_written(error, folder)) is not None:
        return RunError(_cannot_be_written(path, error) + _left(folder))
    return error


@contextlib.contextmanager
def one_message() -> Iterator[None]:
    """Inside the block, do not print errors of the thread that writes TensorBoard's files: the next row raises them.

    Lightning flushes the files at the end of a run, so an error in the last row is raised too.
    """
    before = threading.excepthook

    def hook(raised: threading.ExceptHookArgs) -> None:
        if not type(raised.thread).__module__.startswith("tensorboard."):
            before(raised)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def is_out_of_memory(error: Exception) -> bool:
    """True if the host or a device ran out of memory. torch has an error class only for CUDA."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
    )


def _out_of_memory(error: Exception, batch_size: int | None) -> str:
    reason = (str(error).splitlines() or [""])[0].partition(". GPU ")[0]
    smaller = "" if batch_size is None or batch_size < 2 else f", data.batch_size={batch_size // 2}"
    return (
        f"Out of memory{f', with data.batch_size={batch_size}' if batch_size else ''}: {reason or 'of the host'}\n"
        f"Try: optimizer.accumulate=2 (the same training with less memory){smaller}, or smaller networks."
    )


def _port_in_use() -> str:
    """Message for processes started by SLURM or another launcher with a given port; our launcher uses a free one."""
    given = ":".join(os.environ.get(name, "?") for name in ("MASTER_ADDR", "MASTER_PORT"))
    return (
        f"The processes of this run cannot connect: another process uses their port, {given}.\n"
        "Set MASTER_PORT to another port, the same for all processes. With srun --kill-on-bad-exit=1, the waiting "
        "processes end too."
    )


def _cannot_be_written(path: Path, error: OSError) -> str:
    to_do = {
        **dict.fromkeys(NO_ROOM, "make room"),
        errno.ENOENT: "it was moved or deleted while the run trained",
    }.get(error.errno or 0, "check the folder and its disk")
    return f"{path} cannot be written: {error.strerror}: {to_do}. The earlier content is unchanged."


def _not_written(error: OSError, folder: Path) -> Path | None:
    """Return the file or folder of the run that the error is about; None if it is about another file."""
    name: Any = error.filename
    if isinstance(name, str | bytes | Path):
        path = Path(os.fsdecode(name))
        return path if path.absolute().is_relative_to(folder.absolute()) else None
    return folder if name is None and error.errno in OF_A_WRITE else None


def _batch_size(folder: Path) -> int | None:
    """Return ``data.batch_size`` from the settings in a run folder."""
    try:
        return int(read_settings(folder / file_names.SETTINGS)["data"]["batch_size"])
    except (OSError, RunFileError, ValueError, TypeError, KeyError):
        return None


def _left(folder: Path) -> str:
    return f"\n{run_end.describe_stopped_run(folder)}" if folder.is_dir() else ""
