"""The scripts of the demo's keys and of the settings in its address, run in Node."""

import json
from importlib import resources
from typing import Any

import pytest
from layers_in_node import IN_NODE, node

from gan.demo.local_page import _without_imports

pytestmark = IN_NODE
TAB = """
const changes = [], listeners = {};
globalThis.location = { hash: given.hash };
globalThis.addEventListener = (name, listener) => { listeners[name] = listener; };
globalThis.history = { replaceState(state, title, address) { changes.push(address); location.hash = address; } };
const settings = new Settings(() => changes.push("changed"));
"""


def in_page(script: str, code: str, **given: Any) -> Any:
    text = (resources.files("gan.demo") / "pages" / script).read_text()
    return node(f"{_without_imports(text)}\nconst given = {json.dumps(given)};\n{code}")


@pytest.mark.parametrize(
    ("key", "to"),
    [
        ("ArrowLeft", 4),
        ("ArrowRight", 6),
        ("ArrowUp", 2),
        ("ArrowDown", 8),
        ("Home", 3),
        ("End", 5),
        ("Control+Home", 0),
        ("Control+End", 6),
        ("Alt+ArrowLeft", None),  # of the browser: back
        ("Meta+ArrowRight", None),
        ("Control+ArrowUp", None),
        ("Tab", None),
        ("a", None),
    ],
)
def test_a_key_moves_in_a_grid_of_seven_in_rows_of_three(key: str, to: int | None) -> None:
    *held, name = key.split("+")
    event = {"key": name, **{f"{one.replace('Control', 'ctrl').lower()}Key": True for one in held}}
    index = 5
    assert (
        in_page(
            "keys.js",
            "console.log(JSON.stringify(target(given.event, given.index, 7, 3) ?? null))",
            event=event,
            index=index,
        )
        == to
    )


def test_a_row_of_buttons_has_one_column_and_home_goes_to_the_first() -> None:
    keys = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown", "Home", "End"]
    code = "console.log(JSON.stringify(given.keys.map((key) => target({ key }, 2, 5, 1))))"
    assert in_page("keys.js", code, keys=keys) == [1, 1, 3, 3, 0, 4]


@pytest.mark.parametrize(
    ("text", "whole", "number"),
    [
        ("5", True, 5),
        ("0.25", False, 0.25),
        ("-3", True, -2),
        ("11", False, 10),
        ("9" * 400, True, 10),
        ("1.5", True, None),
        ("", False, None),
        ("NaN", False, None),
        ("Infinity", False, None),
        ("0x5", True, None),
        ("1e1", False, None),
        (" 5", True, None),
        ("5;", False, None),
        ("٣", True, None),
        (None, True, None),
    ],
)
def test_a_number_is_moved_into_its_range_and_a_damaged_one_is_absent(
    text: str | None, whole: bool, number: float | None
) -> None:
    code = "console.log(JSON.stringify(numberOf(given.text ?? undefined, -2, 10, given.whole) ?? null))"
    assert in_page("address.js", code, text=text, whole=whole) == number


@pytest.mark.parametrize(
    ("fragment", "found"),
    [
        ("", [0, "", 1]),
        ("#seed=5&class=7&truncation=0.5", [5, "7", 0.5]),
        ("#seed=five&class=%E0%A4%A&truncation=9&other", [0, "\ufffd%A", 1]),
        ("#seed=9007199254740993&class=a+%26+b&truncation=-1", [9007199254740991, "a & b", 0.1]),
        ("#=&&%%%&seed=3&seed=4", [3, "", 1]),
        ("#%", [0, "", 1]),
    ],
)
def test_a_damaged_fragment_is_ignored_value_by_value(fragment: str, found: list[Any]) -> None:
    read = (
        "[settings.whole('seed', 0, 2 ** 53 - 1, 0), settings.text('class'), settings.number('truncation', 0.1, 1, 1)]"
    )
    assert in_page("address.js", f"{TAB}console.log(JSON.stringify({read}))", hash=fragment) == found


def test_the_address_has_what_differs_from_the_defaults_and_the_same_settings_have_the_same_address() -> None:
    code = """
settings.set("seed", "5"); settings.set("class", "T-shirt & top"); settings.set("speed", "20"); settings.set("speed");
setTimeout(() => {
  location.hash = "#seed=6";
  listeners.hashchange();
  console.log(JSON.stringify([changes, settings.text("seed"), settings.text("class")]));
}, 2 * PAUSE);"""
    changes, seed, name = in_page("address.js", TAB + code, hash="")
    assert changes == ["#class=T-shirt+%26+top&seed=5", "changed"]
    assert (seed, name) == ("6", "")
