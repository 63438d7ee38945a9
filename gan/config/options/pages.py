"""The listing of settings as text for a terminal, as Markdown for docs/configuration.md, and as JSON."""

import dataclasses
import itertools
import json
import textwrap
from collections.abc import Iterator, Sequence

from gan.config.moved import MOVED, WAS_TRUE
from gan.config.options.listing import Group, Option, Setting

WIDTH = 100  # columns of the terminal text
COMMAND = "make docs"  # writes docs/configuration.md

TERMINAL_INTRO = """\
Every line can be typed after `python train.py`, here with its default: group=option, or path=value.
* marks the default option. `gan options WORD` shows a part: a group, GROUP/OPTION, a path, or everything with the word
in its name or else in its description."""

MARKDOWN_INTRO = f"""\
# Configuration

This page lists the groups of `conf/`, their options, and every setting with its default, type and meaning, and with its
range if the class states one. In a terminal, `gan options` shows the same, and `gan options lr` only the settings with
this word. `{COMMAND}` writes this page from the files in `conf/` and from the classes that they name. D is the
discriminator, G the generator. [Sweeps](sweeps.md) explains the settings of `hydra/sweeper` and `hydra/launcher`.

- Choose an option as `group=option`: `python train.py model=dcgan data=fashion`. The default option is **bold**.
- Give a setting as `path=value`: `python train.py optimizer.lr=1e-4 'model.generator.hidden=[128,256]'`. If only
  some options of the group have a setting, or if its default differs, these options are in brackets.
- The default `${{other.setting}}` means the value of another setting. `${{oc.env:NAME,value}}` means the environment
  variable NAME, or the value if the variable is not set. `???` means that you must give a value.
- The Trainer, optimizers, callbacks and loggers have more arguments than this page lists. To give one, put a plus
  before it: `+optimizer.eps=1e-7`. `gan options trainer` and `gan options optimizer/adam` list them.
- `hydra.run.dir=FOLDER` sets the run folder; the default is `outputs/DATE/TIME`.
"""


MOVED_INTRO = """\
## Settings that have moved

The old path works with a warning until the next release. Runs of earlier versions are read with their old paths.

| old | now |
| --- | --- |"""


def terminal(groups: Sequence[Group], *, whole: bool = False) -> str:
    """Plain text of at most 100 columns; ``whole``: with an introduction, without the arguments that need a plus."""
    pages = ["\n".join(_terminal_group(group, with_others=not whole)) for group in groups]
    intro = "\n".join(textwrap.wrap(TERMINAL_INTRO, WIDTH))
    return "\n\n".join([intro, *pages] if whole else pages)


def markdown(groups: Sequence[Group], *, whole: bool = False) -> str:
    """The listing as Markdown; ``whole``: all of docs/configuration.md."""
    pages = ["\n".join(_markdown_group(group)) for group in groups]
    return "\n".join([MARKDOWN_INTRO, *pages, *_moved()] if whole else pages)


def _moved() -> Iterator[str]:
    yield MOVED_INTRO
    for old, new in MOVED.items():
        was, now = (f"{old}=true", f"{new}={WAS_TRUE[old]}") if old in WAS_TRUE else (old, new)
        yield f"| {code(was)} | {code(now)} |"
    yield "| `GROUP.name=OPTION` | `GROUP=OPTION` |"
    yield ""


def as_json(groups: Sequence[Group]) -> str:
    """The dataclasses of `gan.config.options.listing` as JSON, a list of groups."""
    return json.dumps([dataclasses.asdict(group) for group in groups], indent=2, ensure_ascii=False)


def _terminal_group(group: Group, *, with_others: bool) -> Iterator[str]:
    yield f"{group.name}=…" if group.options else f"{group.name}"
    column = max((len(option.name) for option in group.options), default=0) + 5
    for option in group.options:
        first, *rest = [line for paragraph in option.header for line in _wrapped(paragraph, WIDTH - column)] or [""]
        yield f"{'  *' if option.default else '   '} {option.name:<{column - 5}} {first}".rstrip()
        yield from (f"{'':{column}}{line}" for line in rest)
    for entries in _by_setting(group):
        for entry in entries:
            owners = _owners(entry, group, entries)
            line = f"  {entry.path}={entry.default}"
            yield from textwrap.wrap(f"{line:<48}{f'  [{owners}]' if owners else ''}", WIDTH, subsequent_indent=" " * 8)
        yield from textwrap.wrap(_sentence(entries[0]), WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    for others in group.others if with_others else ():
        text = f"{others.target} also accepts: {' '.join(others.paths)}"
        yield from textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _markdown_group(group: Group) -> Iterator[str]:
    yield f"## {group.name}\n"
    if group.options:
        yield "| option | what it is |\n| --- | --- |"
        yield from (f"| {_markdown_name(option)} | {_markdown_header(option)} |" for option in group.options)
        yield ""
    if group.settings:
        yield "| setting and default | type and range | meaning |\n| --- | --- | --- |"
    for entries in _by_setting(group):
        shown = []
        for entry in entries:
            owners = _owners(entry, group, entries)
            shown.append(code(f"{entry.path}={entry.default}") + (f" [{owners}]" if owners else ""))
        first = entries[0]
        yield f"| {'<br>'.join(shown)} | {_text(_range(first))} | {_text(first.meaning)} |"
    if group.settings:
        yield ""


def _by_setting(group: Group) -> Iterator[list[Setting]]:
    """Groups of settings that differ in the default only."""

    def described(setting: Setting) -> tuple[str, ...]:
        return setting.path, setting.meaning, setting.type, setting.allowed

    paths = [setting.path for setting in group.settings]
    ordered = sorted(group.settings, key=lambda setting: (paths.index(setting.path), described(setting)))
    for _, entries in itertools.groupby(ordered, described):
        yield list(entries)


def _owners(setting: Setting, group: Group, entries: Sequence[Setting]) -> str:
    """The options that have this setting; "" if all options have it with the same default."""
    everywhere = {option.name for option in group.options} <= set(setting.options) or not group.options
    return "" if everywhere and len(entries) == 1 else ", ".join(setting.options)


def _sentence(setting: Setting) -> str:
    kind = f"({_range(setting)})" if _range(setting) else ""
    return " ".join(part for part in (setting.meaning, kind) if part)


def _range(setting: Setting) -> str:
    """ "a number, in (0, 1]"."""
    kind = setting.type
    return ", ".join(part for part in (kind, setting.allowed) if part)


def _wrapped(paragraph: str, width: int) -> list[str]:
    """A paragraph in lines; the indentation of commands is kept."""
    indent = " " * (len(paragraph) - len(paragraph.lstrip()))
    return textwrap.wrap(paragraph.strip(), width, initial_indent=indent, subsequent_indent=indent)


def _markdown_name(option: Option) -> str:
    return f"**`{option.name}`**" if option.default else f"`{option.name}`"


def _markdown_header(option: Option) -> str:
    return "<br>".join(code(line.strip()) if line.startswith(" ") else _text(line) for line in option.header)


def code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _text(text: str) -> str:
    """Text for a cell of a table; parts in backquotes are code."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "\\<").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts).replace("|", "\\|")
