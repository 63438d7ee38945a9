"""Values in option files, as Hydra reads them."""

from typing import Any

import pytest

from gan.config.differences import _differs
from gan.config.options.conf_files import value_of


@pytest.mark.parametrize(
    ("written", "value"),
    [("1e-4", 1e-4), ("[0.5, 1e-3]", [0.5, 1e-3]), ("null", None), ("true", True), ("auto", "auto"), ("10", 10)],
)
def test_a_written_value_is_read_as_hydra_reads_it(written: str, value: Any) -> None:
    assert value_of(written) == value
    assert type(value_of(written)) is type(value)


def test_a_number_in_place_of_a_word_differs() -> None:
    assert _differs(0.5, "auto")
    assert not _differs(1e-4, "1e-4")
