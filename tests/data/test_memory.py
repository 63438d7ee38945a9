"""Images that do not fit into memory are refused before they are allocated."""

from pathlib import Path

import pytest

from gan.data import memory
from gan.system.errors import DataError


def test_more_than_half_of_the_free_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 4 * memory.GIB)
    memory.check_memory("data.folder=x", 2 * 2**20, (1, 32, 32), "take less")  # 2 GiB
    with pytest.raises(DataError) as error:
        memory.check_memory("data.folder=x", 2 * 2**20, (3, 32, 32), "take less")
    memory.check_memory("data.folder=x", 699_050, (3, 32, 32), "take less")
    memory.check_memory("data.folder=x", 2 * 2**20, (3, 18, 18), "take less")
    assert str(error.value) == (
        "data.folder=x: 2,097,152 images of 3 x 32 x 32 need 6.0 GiB, but only half of the free 4.0 GiB may be "
        "used; take less (699,050 of these images or all of them with data.image_size=18 would fit)"
    )


def test_where_nothing_is_known_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    memory.check_memory("data.folder=x", 2**60, (3, 128, 128), "take less")


def test_free_memory_is_a_likely_number_of_bytes() -> None:
    free = memory.free_memory()
    assert free is None or 2**20 < free < 2**50


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory._of_the_container(tmp_path) is None
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert memory._of_the_container(tmp_path) is None
    (tmp_path / "memory.max").write_text("5000\n")
    assert memory._of_the_container(tmp_path) == 4000
    monkeypatch.setattr(memory, "_of_the_container", lambda: 4000)
    assert memory.free_memory() == 4000
