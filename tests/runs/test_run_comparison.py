"""Two runs agree if all of their numbers do; where they do not, the first difference is told."""

from pathlib import Path

import pytest
import torch

from gan.runs.comparison import differing, first_difference, rows


def test_what_differs_in_two_checkpoints_is_found() -> None:
    one = {"a": [1, {"b": torch.zeros(2)}], "seconds": 1}
    assert differing(one, {"a": [1, {"b": torch.zeros(2)}], "seconds": 2}) == []
    assert differing(one, {"a": [1, {"b": torch.tensor([0.0, 1e-30])}]}) == ["/a/1/b"]
    assert differing(one, {"a": [1, {"b": torch.zeros(2, dtype=torch.bfloat16)}]}) == ["/a/1/b"]
    assert differing(one, {"a": [1]}) == ["/a"]
    assert differing({"a": None}, {"a": 1, "b": 2}) == ["/a", "/b"]


def test_the_rows_of_a_run_are_compared_without_their_times(tmp_path: Path) -> None:
    assert rows(tmp_path) == []
    (tmp_path / "metrics.csv").write_text("step,seconds,d_loss\n1,0.5,0.25\n")
    assert rows(tmp_path) == [{"step": "1", "d_loss": "0.25"}]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ([{"step": "1", "d": "0.5"}, {"step": "2", "d": "0.25"}], None),
        ([{"step": "1", "d": "0.5"}, {"step": "2", "d": "0.26"}], "update 2: d 0.25 before, 0.26 now"),
        ([{"step": "1", "d": "0.5", "new": "3"}], "update 1: new nothing before, 3 now"),
        ([{"step": "1", "d": "0.5"}], "2 rows before, 1 now"),
    ],
)
def test_the_first_difference_is_told(other: list[dict[str, str]], told: str | None) -> None:
    one = [{"step": "1", "d": "0.5"}, {"step": "2", "d": "0.25"}]
    assert first_difference(one, other) == told
