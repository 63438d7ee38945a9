"""The models of a server, from the command line and uploaded."""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import IO

from gan.demo.model import Model, open_model
from gan.generators import bundle_path
from gan.system.errors import BundleError, GanError
from gan.system.locks import remove_left_behind, temporary_folder

BUNDLED = Path(__file__).parent / bundle_path.FILE_NAME
SENT = "gan-demo-files-"  # the beginning of a temporary folder's name
MOST_SENT = 8  # uploads to one server


class ModelCache:
    """Models by number. A model is loaded on first use, and again when its file has changed during training.

    Args:
        sources: bundles or run folders; if empty, the bundled generator.
        device: device of the models.
    """

    def __init__(self, sources: Sequence[Path], device: str = "cpu") -> None:
        self._sources = [(source, str(source)) for source in sources] or [(BUNDLED, "the bundled generator")]
        self._device = device
        self._open: dict[int, tuple[tuple[int, int], Model]] = {}
        self._lock = Lock()
        remove_left_behind(SENT)
        self._sent: Path | None = None
        self._removed_at_the_end = contextlib.ExitStack()

    def close(self) -> None:
        """Delete uploaded files."""
        self._removed_at_the_end.close()

    @property
    def names(self) -> list[str]:
        """The names of the models on the pages."""
        return [name for _, name in self._sources]

    def source(self, number: int) -> str:
        """The model of this number for a command: its path. An uploaded file will be deleted: its name."""
        source, name = self._sources[number]
        return name if source.parent == self._sent else str(source)

    def model(self, number: int) -> Model:
        """The model of this number.

        Raises:
            GanError: the number does not exist, or the bundle cannot be read.
        """
        if not 0 <= number < len(self._sources):
            raise GanError(f"model: {number} given; 0 … {len(self._sources) - 1} expected")
        source, name = self._sources[number]
        with self._lock:
            path = bundle_path.find(source)
            state = path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if number not in self._open or self._open[number][0] != stamp:
                self._open[number] = (stamp, open_model(path, name, self._device))
            return self._open[number][1]

    def add(self, content: IO[bytes], name: str) -> int:
        """Add an uploaded bundle and return its number.

        Args:
            content: content of the file; it may arrive slowly.
            name: name of the file on the page: only shown, never used as a path.

        Raises:
            GanError: it is not a bundle, or there are too many.
        """
        shown = re.sub(r"[^ -~]|[/\\]", "_", name)[:80] or "file"
        with self._lock:
            self._sent = self._sent or self._removed_at_the_end.enter_context(temporary_folder(SENT)).path
        with tempfile.NamedTemporaryFile(dir=self._sent, suffix=".safetensors", delete=False) as file:
            path = Path(file.name)
            try:
                shutil.copyfileobj(content, file)
                file.flush()
                return self._add(path, shown)
            except BaseException:
                path.unlink()
                raise

    def _add(self, path: Path, shown: str) -> int:
        with self._lock:
            if sum(source.parent == path.parent for source, _ in self._sources) >= MOST_SENT:
                raise GanError(f"{shown}: {MOST_SENT} files were uploaded already; give more files on the command line")
            try:
                open_model(path, shown, self._device)
            except BundleError as error:
                raise BundleError(str(error).replace(str(path), shown, 1)) from error
            self._sources.append((path, shown))
            return len(self._sources) - 1
