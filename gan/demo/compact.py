"""Scripts and styles of a page with less space: without indentation and comments."""

import re

STRINGS = re.compile(r'("(?:[^"\\]|\\.)*"|`[^`]*`)')


def compact(text: str) -> str:
    """JavaScript or CSS without indentation, comments in lines of their own, and spaces beside signs.

    Lines with templates in one another or with regular expressions keep their spaces.
    """
    without = re.sub(r"^\s*/\*\*.*?\*/$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = (line.strip() for line in without.splitlines())
    tight = [_tight(line) for line in lines if line and not line.startswith("//")]
    ends = ["" if line.endswith((";", ",", "{", "(")) and "//" not in line else "\n" for line in tight]
    return "".join(line + end for line, end in zip(tight, ends, strict=True)).rstrip() + "\n"


def _tight(line: str) -> str:
    line = re.sub(r" // [^\"`]*$", "", line)
    if line.count("`") not in (0, 2) or re.search(r"[(=,:]\s*/", line):
        return line
    return "".join(part if index % 2 else _without_spaces(part) for index, part in enumerate(STRINGS.split(line)))


def _without_spaces(code: str) -> str:
    """Code outside of strings; a + +b keeps its spaces."""
    between_words = re.sub(r"(?<=[\w)\]]) ([-+/%]) (?=[\w(\[])", r"\1", code)
    return re.sub(r" ?([=*?:;,(){}<>&|!]+) ?", r"\1", between_words).replace(";}", "}")
