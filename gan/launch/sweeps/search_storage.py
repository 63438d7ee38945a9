"""Storage of a search: where its Optuna study is kept. Imports no Optuna."""

import contextlib
import os
import re
import secrets
import socket
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from gan.runs.sweep_jobs import STUDY
from gan.system.files import write_bytes
from gan.system.passwords import without_passwords
from gan.system.process import variable

VARIABLE = "GAN_SEARCH_STORAGE"  # for the jobs of a search: the URL, which may have a password and so is in no file
NAME = "sweep"
WORKER = "worker"  # file in the folder of a search whose study is in a database: the name of this worker


@dataclass(frozen=True)
class Storage:
    """Where the study of a search is kept: in one file in its folder, or in a database for workers on many machines.

    Attributes:
        sweep: folder of the search on this machine.
        url: URL of the database, as SQLAlchemy has it; "": the file study.db in the folder (SQLite).
        study: name of the study; one database can hold several.
    """

    sweep: Path
    url: str = ""
    study: str = NAME

    @property
    def where(self) -> str:
        """The file, or the URL without its password, for messages."""
        return without_passwords(self.url) if self.url else str(self.sweep / STUDY)

    def without_secret(self, text: str) -> str:
        """Return a text without the password of the URL."""
        found = re.search(r"://[^:/@]*:(.*)@", self.url)
        for secret in (found[1], unquote(found[1])) if found and found[1] else ():
            text = text.replace(secret, "***")
        return without_passwords(text)

    @property
    def worker(self) -> str:
        """Name of this worker among those that share the database; "" if there is no other.

        It is kept in the folder, so that the same command resumes its own trials, and leaves those of other workers.
        """
        if not self.url:
            return ""
        file = self.sweep / WORKER
        with contextlib.suppress(FileNotFoundError):
            return file.read_text(encoding="utf-8").strip()
        name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        write_bytes(file, f"{name}\n".encode())
        return name

    def known_to_jobs(self) -> AbstractContextManager[None]:
        """Inside the block, new processes know the URL."""
        return variable(VARIABLE, self.url or None)


def of_job(sweep: Path, study: str | None) -> Storage | None:
    """Return the storage for a job; None if the run was moved or repeated outside its search.

    Args:
        sweep: folder of the search.
        study: name of the study in a database; None: it is in a file in the folder.
    """
    if study is not None:
        return Storage(sweep, os.environ[VARIABLE], study) if VARIABLE in os.environ else None
    return Storage(sweep) if (sweep / STUDY).is_file() else None


def variables() -> dict[str, str]:
    """Return the environment variable for a job on a machine that does not inherit this environment."""
    return {VARIABLE: os.environ[VARIABLE]} if VARIABLE in os.environ else {}
