"""The IDX reader: what it reads, and in which words it refuses."""

import gzip
import re
import tracemalloc
from pathlib import Path

import pytest
import torch
from fake_set import idx_bytes, read_idx

from gan.data import idx
from gan.system.errors import DataError

VALUES = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4)
WHOLE = idx_bytes(VALUES)


@pytest.mark.parametrize(
    "values",
    [
        VALUES,
        torch.tensor([[1, -2], [70_000, -(2**31)]], dtype=torch.int32),
        torch.tensor([1.5, -0.25], dtype=torch.float32),
        torch.arange(5, dtype=torch.uint8),
    ],
    ids=["uint8", "int32", "float32", "one dimension"],
)
@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gz"])
def test_reads_back_what_was_written(tmp_path: Path, values: torch.Tensor, gzipped: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx_bytes(values)) if gzipped else idx_bytes(values))
    read = read_idx(path)
    assert read.dtype == values.dtype
    assert torch.equal(read, values)


def test_result_is_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(WHOLE)
    read = read_idx(tmp_path / "file")
    read[0, 0, 0] = 77
    assert read[0, 0, 0] == 77


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty (0 bytes)"),
        (gzip.compress(b"", mtime=0), "is empty (0 bytes)"),
        (bytes(40), "starts with zeros where an IDX header should be"),
        (b"<!DOCTYPE html><html>", "starts like an HTML page, not an IDX file"),
        (b"\n <html>", "starts like an HTML page, not an IDX file"),
        (b"PK\x03\x04....", "not an IDX file (starts with b'PK\\x03\\x04....', an IDX file with two zero bytes)"),
        (
            b"\0\0\x07\x01" + bytes([0, 0, 0, 1, 5]),
            "not an IDX file (type code 0x07; known are 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e)",
        ),
        (WHOLE[:10], "its IDX header is incomplete (3 dimensions announced, 10 bytes in all)"),
        (b"\0\0\x08\0", "its IDX header is incomplete (0 dimensions announced, 4 bytes in all)"),
        (idx_bytes(torch.zeros(0, 28, dtype=torch.uint8)), "is empty (shape (0, 28))"),
        (WHOLE[:-1], "is truncated: its header announces 40 bytes, the file has 39"),
        (WHOLE + b"\0", "is too long: its header announces 40 bytes, the file has 41"),
    ],
)
def test_refuses(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_idx(path)
    assert str(error.value) == f"{path}: {fault}"


@pytest.mark.parametrize(
    "content", [gzip.compress(WHOLE, mtime=0)[:-12], gzip.compress(WHOLE, mtime=0)[:15] + bytes(30)]
)
def test_refuses_broken_gzip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))}: not a complete gzip file \(.+\)$"):
        read_idx(path)


def test_missing_and_unreadable(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read_idx(tmp_path / "nothing")
    assert str(error.value) == f"{tmp_path / 'nothing'}: no such file"
    with pytest.raises(DataError) as error:
        read_idx(tmp_path)
    assert str(error.value) == f"{tmp_path}: cannot be read (Is a directory)"


def test_a_small_file_that_holds_ever_so_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idx, "MAX_BYTES", 10**6)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(10**8)))
    tracemalloc.start()
    with pytest.raises(DataError, match="holds more than 1,000,000 bytes, more than any known dataset"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()
