"""changes.json: what was changed in the course of a run, and after which minibatch."""

import json
from pathlib import Path

import pytest

from gan.runs import file_names
from gan.runs.changes import Change, read_changes, write_changes
from gan.runs.run_files import RunFileError

CHANGES = [Change(0, {"seed": 3}), Change(20, {"penalty": "r1", "penalty.gamma": 0.1}), Change(31, end=True)]


def test_changes_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_changes(tmp_path) == []
    write_changes(tmp_path, CHANGES)
    assert read_changes(tmp_path) == CHANGES
    assert json.loads((tmp_path / file_names.CHANGES).read_text())[0] == {"minibatches": 0, "settings": {"seed": 3}}


def test_changes_are_in_the_order_of_the_minibatches(tmp_path: Path) -> None:
    write_changes(tmp_path, CHANGES[::-1])
    assert read_changes(tmp_path) == CHANGES


def test_a_change_is_described_by_its_words() -> None:
    said = [str(change) for change in CHANGES]
    assert said == [
        "after minibatch 0: seed=3", "after minibatch 20: penalty=r1 penalty.gamma=0.1", "after minibatch 31: ended",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{}", "a JSON array expected"),
        ('[{"minibatches": 1, "setting": {}}]', "unexpected keyword argument 'setting'"),
        ("[3]", "must be a mapping"),
        ('[{"settings": {}}]', "missing 1 required positional argument: 'minibatches'"),
        ('[{"minibatches": "1"}]', "an integer of minibatches and settings by path expected"),
        ('[{"minibatches": 1, "settings": [1]}]', "an integer of minibatches and settings by path expected"),
    ],
)
def test_another_file_is_refused_with_its_name(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / file_names.CHANGES).write_text(content)
    with pytest.raises(RunFileError) as raised:
        read_changes(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / file_names.CHANGES}: cannot be read: ")
    assert reason in str(raised.value)
