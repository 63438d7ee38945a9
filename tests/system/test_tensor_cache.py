"""The cache of what is computed of real images: a help where it works, no harm where it does not."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan.system.files import user_cache
from gan.system.tensor_cache import cached, digest


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return []


def ask(calls: list[int], **key: str) -> Tensor:
    def compute() -> dict[str, Tensor]:
        calls.append(1)
        return {"x": torch.arange(5.0)}

    return cached("test", key, compute)["x"]


def test_the_second_time_nothing_is_computed(calls: list[int], tmp_path: Path) -> None:
    assert torch.equal(ask(calls, data="a"), ask(calls, data="a"))
    assert len(calls) == 1
    assert [path.parent for path in tmp_path.rglob("test-*.safetensors")] == [tmp_path / "gan"]


def test_another_key_is_another_entry(calls: list[int]) -> None:
    for data in "ab":
        ask(calls, data=data)
    assert len(calls) == 2


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_a_file_that_is_not_whole_is_computed_anew(calls: list[int], content: bytes) -> None:
    ask(calls, data="a")
    next(user_cache().iterdir()).write_bytes(content)
    assert torch.equal(ask(calls, data="a"), torch.arange(5.0))
    ask(calls, data="a")
    assert len(calls) == 2


def test_a_folder_that_cannot_be_written_is_no_failure(
    calls: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        assert torch.equal(ask(calls, data="a"), torch.arange(5.0))
    assert len(calls) == 2


def test_without_the_variable_it_is_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_cache() == Path.home() / ".cache" / "gan"


def test_a_digest_is_of_bytes_shape_and_type() -> None:
    tensors = [torch.zeros(4), torch.ones(4), torch.zeros(2, 2), torch.zeros(4, dtype=torch.float64)]
    assert len({digest(tensor) for tensor in tensors}) == 4
    assert digest(torch.zeros(4)) == digest(torch.zeros(8)[::2])
