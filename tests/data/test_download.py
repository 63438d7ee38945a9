"""Downloading: what is put in place is whole, what goes wrong is said in a line, and nothing of the user's is lost."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_set import FILES, Mirror, TinySet

from gan.data import download
from gan.data.download import fetch, wait_for_fetch
from gan.system.errors import DataError

Online = Callable[..., None]


def files_under(root: Path) -> set[str]:
    """All files and folders but the lock, which stays."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.name != download.LOCK_NAME}


def test_puts_the_files_in_place_and_nothing_else(tmp_path: Path, tiny: TinySet, online: Online) -> None:
    online()
    root = tmp_path / "new" / "root"
    fetch(tiny.source, root)
    assert files_under(root) == {"MNIST", "MNIST/raw", *(f"MNIST/raw/{file}" for file in FILES)}
    assert {file: (root / "MNIST/raw" / file).read_bytes() for file in FILES} == tiny.content


def test_whole_set_is_not_fetched_again(tmp_path: Path, tiny: TinySet, online: Online, mirror: Mirror) -> None:
    online()
    tiny.write(tmp_path)
    fetch(tiny.source, tmp_path)
    assert not mirror.requests


def test_broken_file_is_replaced_and_kept(
    tmp_path: Path, tiny: TinySet, online: Online, caplog: pytest.LogCaptureFixture
) -> None:
    online()
    folder = tiny.write(tmp_path, train_images=b"mine", test_labels=b"mine too")
    (folder / f"{FILES[0]}.replaced").write_bytes(b"an older one")
    untouched = (folder / FILES[1]).stat().st_ino
    fetch(tiny.source, tmp_path)
    assert {file: (folder / file).read_bytes() for file in FILES} == tiny.content
    assert (folder / f"{FILES[0]}.replaced").read_bytes() == b"an older one"
    assert (folder / f"{FILES[0]}.replaced2").read_bytes() == b"mine"
    assert (folder / f"{FILES[3]}.replaced").read_bytes() == b"mine too"
    assert (folder / FILES[1]).stat().st_ino == untouched  # the same bytes: left as it was
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{folder / FILES[0]} is replaced; the old file is kept as {FILES[0]}.replaced2",
        f"{folder / FILES[3]} is replaced; the old file is kept as {FILES[3]}.replaced",
    ]


def unanswered(mirror: Mirror) -> str:
    mirror.answers.clear()
    return f"{mirror.url}: HTTP Error 404: Not Found"


def answered_with_html(mirror: Mirror) -> str:
    mirror.answers["/train-labels-idx1-ubyte.gz"] = b"<html>please log in</html>"
    return f"{mirror.url}: the answer is not the file (wrong md5)"


def cut_off(mirror: Mirror) -> str:
    mirror.cut.add("/t10k-images-idx3-ubyte.gz")
    return f"{mirror.url}: the answer is not the file (wrong md5)"


@pytest.mark.parametrize("trouble", [unanswered, answered_with_html, cut_off])
def test_failure_is_one_line_and_leaves_all_as_it_was(
    tmp_path: Path, tiny: TinySet, online: Online, mirror: Mirror, trouble: Callable[[Mirror], str]
) -> None:
    online()
    tiny.write(tmp_path, train_images=b"mine", train_labels=None)
    before = files_under(tmp_path)
    reason = trouble(mirror)
    with pytest.raises(DataError) as error:
        fetch(tiny.source, tmp_path)
    assert str(error.value) == reason
    assert files_under(tmp_path) == before
    assert (tmp_path / "MNIST/raw" / FILES[0]).read_bytes() == b"mine"


def test_md5_alone_is_not_enough(tmp_path: Path, tiny: TinySet, online: Online) -> None:
    # the mirror's own list says that this is right; our verification does not
    online({FILES[2]: tiny.content[FILES[2]][:-5]})
    with pytest.raises(DataError) as error:
        fetch(tiny.source, tmp_path)
    assert str(error.value) == (
        f"what was downloaded is broken: MNIST/raw/{FILES[2]}: is truncated: its header announces 4,720 bytes, "
        "the file has 4,715"
    )
    assert files_under(tmp_path) == set()


def test_second_mirror_is_tried(
    tmp_path: Path, tiny: TinySet, online: Online, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision.datasets

    online()
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [f"{mirror.url}gone/", mirror.url])
    fetch(tiny.source, tmp_path)
    assert (tmp_path / "MNIST/raw" / FILES[0]).read_bytes() == tiny.content[FILES[0]]

    mirror.answers.clear()
    (tmp_path / "MNIST/raw" / FILES[0]).unlink()
    with pytest.raises(DataError) as error:
        fetch(tiny.source, tmp_path)
    assert str(error.value) == "; ".join(
        f"{address}: HTTP Error 404: Not Found" for address in (f"{mirror.url}gone/", mirror.url)
    )


def test_nobody_answers(tmp_path: Path, tiny: TinySet, offline: str) -> None:
    with pytest.raises(DataError) as error:
        fetch(tiny.source, tmp_path)
    assert str(error.value) == f"{offline}: Connection refused"


def test_root_that_cannot_be_written(tmp_path: Path, tiny: TinySet, online: Online) -> None:
    online()
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError) as error:
        fetch(tiny.source, tmp_path / "file" / "data")
    assert str(error.value) == f"cannot write to {tmp_path / 'file' / 'data'}: Not a directory"


def test_leftovers_of_a_killed_job_are_cleared(tmp_path: Path, tiny: TinySet, online: Online) -> None:
    online()
    leftover = tmp_path / download.WORK_NAME / "MNIST" / "raw"
    leftover.mkdir(parents=True)
    (leftover / FILES[0]).write_bytes(b"half of")
    fetch(tiny.source, tmp_path)
    assert (tmp_path / "MNIST/raw" / FILES[0]).read_bytes() == tiny.content[FILES[0]]
    assert not (tmp_path / download.WORK_NAME).exists()


def test_timeout_of_other_sockets_is_restored(tmp_path: Path, tiny: TinySet, offline: str) -> None:
    import socket

    with pytest.raises(DataError):
        fetch(tiny.source, tmp_path)
    assert socket.getdefaulttimeout() is None


def test_two_at_once_download_once(tmp_path: Path, tiny: TinySet, online: Online, mirror: Mirror) -> None:
    online()
    errors: list[BaseException] = []

    def job() -> None:
        try:
            fetch(tiny.source, tmp_path)
        except BaseException as error:
            errors.append(error)

    jobs = [threading.Thread(target=job) for _ in range(3)]
    for thread in jobs:
        thread.start()
    for thread in jobs:
        thread.join()
    assert not errors
    # torchvision asks twice for each file: where it is, and what it is
    assert dict(mirror.requests) == {f"/{file}.gz": 2 for file in FILES}
    assert {file: (tmp_path / "MNIST/raw" / file).read_bytes() for file in FILES} == tiny.content


def test_waits_for_another_process(
    tmp_path: Path,
    tiny: TinySet,
    online: Online,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    online()
    monkeypatch.setattr(download, "NOTICE_SECONDS", 0.05)
    wait_for_fetch(tmp_path)  # no lock was ever taken here: at once
    hold = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / download.LOCK_NAME)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    waiting = [
        threading.Thread(target=fetch, args=(tiny.source, tmp_path)),
        threading.Thread(target=wait_for_fetch, args=(tmp_path,)),
    ]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(0.3)
    assert all(thread.is_alive() for thread in waiting)
    assert not (tmp_path / "MNIST").exists()
    other.communicate("")  # the other job ends
    for thread in waiting:
        thread.join(20)
    assert not any(thread.is_alive() for thread in waiting)
    assert (tmp_path / "MNIST/raw" / FILES[0]).read_bytes() == tiny.content[FILES[0]]
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert messages == [f"waiting for another job that downloads into {tmp_path}"] * 2


def test_addresses() -> None:
    import torchvision.datasets

    assert download._addresses(torchvision.datasets.EMNIST) == [torchvision.datasets.EMNIST.url]
    assert download._addresses(torchvision.datasets.QMNIST) == [
        "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"
    ]
    assert download._addresses(torchvision.datasets.KMNIST) == torchvision.datasets.KMNIST.mirrors
