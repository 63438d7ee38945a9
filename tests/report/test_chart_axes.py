"""The marks of a chart's axes, as the pages compute them, in Node where it is there."""

import json
import shutil
import subprocess
from importlib import resources
from typing import Any

import pytest

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no Node on the PATH")


def run(expression: str) -> Any:
    """The value of an expression in JavaScript that chart.js is there for."""
    script = (resources.files("gan.report") / "chart.js").read_text() + f"\nconsole.log(JSON.stringify({expression}));"
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--input-type=module"], input=script, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_marks_of_an_axis() -> None:
    """Low, high, wanted, is it a count, digits -> the marks with their texts."""
    expected: dict[tuple[Any, ...], list[tuple[float, str]]] = {
        (5119, 5121, 4, True, 4): [(5119, "5119"), (5120, "5120"), (5121, "5121")],
        (0, 1, 5, True, 4): [(0, "0"), (1, "1")],
        (0, 10, 4, True, 3): [(0, "0"), (5, "5"), (10, "10")],  # not 2.5
        (0, 100, 4, True, 3): [(0, "0"), (25, "25"), (50, "50"), (75, "75"), (100, "100")],
        (12_345_678, 12_345_681, 4, True, 4): [
            (12_345_678, "12.345678 M"), (12_345_679, "12.345679 M"),
            (12_345_680, "12.34568 M"), (12_345_681, "12.345681 M"),
        ],
        (0, 1, 4, False, 3): [(0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1, "1")],
        (100_000, 100_002, 2, False, 3): [(100_000, "100 k"), (100_001, "100.001 k"), (100_002, "100.002 k")],
        (0.00012, 0.00014, 2, False, 3): [(0.00012, "1.2e-4"), (0.00013, "1.3e-4"), (0.00014, "1.4e-4")],
        (5119.2, 5119.8, 4, True, 4): [],
    }  # fmt: skip
    found = run(f"{json.dumps(list(expected))}.map(([l, h, n, w, d]) => labelled(ticks(l, h, n, w), d))")
    for (given, marks), made in zip(expected.items(), found, strict=True):
        assert [text for _, text in made] == [text for _, text in marks], given
        assert [value for value, _ in made] == pytest.approx([value for value, _ in marks]), given


def test_no_two_marks_read_the_same() -> None:
    cases = [
        (start, start + span, wanted, whole)
        for start in (0, 3, 999, 5119, 99_999, 1_234_567, 10**9)
        for span in (1, 2, 3, 7, 10, 640, 60_000)
        for wanted in (2, 4, 9)
        for whole in (True, False)
    ]
    found = run(f"{json.dumps(cases)}.map(([l, h, n, w]) => labelled(ticks(l, h, n, w), 4))")
    for (low, high, wanted, whole), marks in zip(cases, found, strict=True):
        texts = [text for _, text in marks]
        assert len(set(texts)) == len(texts) <= 2 * wanted + 1, (low, high, texts)
        assert all(low - 1e-6 <= value <= high + 1e-6 for value, _ in marks)
        assert not whole or (marks and all(value == int(value) for value, _ in marks))


def test_of_numbers_that_hardly_differ_there_is_an_end() -> None:
    assert len(run("ticks(1e16, 1e16 + 2, 5)")) < 20
