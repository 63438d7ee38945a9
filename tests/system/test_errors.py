"""Numbers and times in messages."""

import pytest

from gan.system.errors import counted, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59.4, "59 s"), (59.7, "1 min 0 s"), (531, "8 min 51 s"), (3600, "1 h 0 min"), (7481, "2 h 4 min")],
)
def test_a_time(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_number_of_things() -> None:
    assert [counted(1, "epoch"), counted(2, "epoch"), counted(3000, "class")] == [
        "1 epoch",
        "2 epochs",
        "3,000 classes",
    ]
