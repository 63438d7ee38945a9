"""Folders that one process holds at a time, by a lock of the system's that ends with the process, however it ends."""

import importlib.util
from typing import Any

# None on Windows: that two processes have one folder is not noticed there.
fcntl: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None


def lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Lock an open folder until it is closed, and do not wait.

    Args:
        descriptor: of the folder.
        shared: beside others that have it shared, and no one else.

    Returns:
        Whether it is locked now: False if someone else has it; None where there are no locks, on this system or disk.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this disk
        return None
    return True
