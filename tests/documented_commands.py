"""Commands that the pages show, found and held against what the programs take; none of them is run.

python tests/documented_commands.py     # lists those that are only found, each with the reason
"""

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import typer
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep
from omegaconf import OmegaConf

from gan.commands.main import app
from gan.config.experiments import without_leftovers
from gan.config.validation import validate

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tests" / "outsider"))  # the package that docs/extending.md shows
# docs/errors.md shows mistakes; tests/test_mistakes.py runs all of them.
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "conf/hydra/help/newcomer.yaml")),
    *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "errors.md"),
]
# First words of commands that are only found: what they do is another program's, and the reason that it is not tried.
NOT_CHECKED = {
    "tensorboard": "opens a server and does not end",
    "git": "needs a network",
    "pip": "needs a network",
    ".venv/bin/pip": "needs a network",
    "wandb": "needs an account and a network",
    "mlflow": "opens a server and does not end",
    "pre-commit": "writes into .git",
    "cd": "the shell's own",
    "export": "the shell's own",
    ".": "the shell's own",
    ".ci/run": "is CI itself",
}
CHECKED = ("python", "gan", "make")
STANDS_FOR = {"experiment=NAME": "experiment=dcgan"}  # a placeholder, and one of the things that it stands for
SHELL_FENCES = ("bash", "sh", "console")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ +)*(?:{'|'.join(map(re.escape, (*CHECKED, *NOT_CHECKED)))})(?= |$)")


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it.

    Attributes:
        page: where, from the repository's root.
        command: one line, in a shell's words.
    """

    page: str
    command: str


def shown_commands() -> list[Shown]:
    """Every command of every page, each page's once."""
    return [
        Shown(str(page.relative_to(ROOT)), command) for page in PAGES for command in dict.fromkeys(commands_of(page))
    ]


def commands_of(page: Path) -> Iterator[str]:
    """The commands in a page's fences and code spans; of a page that is not Markdown, its lines.

    A fence that says it is a shell's has nothing else than commands, and, after `$ `, what they print.

    Raises:
        ValueError: a shell's fence has a line that begins with none of the programs known here.
    """
    text = page.read_text().replace("\\\n", " ")
    if page.suffix != ".md":
        prose_aside = [re.split("  +", line.strip())[0] for line in text.splitlines()]
        yield from _commands_in(prose_aside, page, strict=False)
        return
    for language, content in FENCE.findall(text):
        lines = content.splitlines()
        prompted = [line[2:] for line in lines if line.startswith("$ ")]
        if language in ("", *SHELL_FENCES):
            yield from _commands_in(prompted or lines, page, strict=language != "")
    for span in SPAN.findall(FENCE.sub("", text)):
        if " " in span:  # a name alone is a mention
            yield from _commands_in([span], page, strict=False)


def _commands_in(lines: Sequence[str], page: Path, *, strict: bool) -> Iterator[str]:
    for line in lines:
        for part in re.split(r" && |; +(?:then: )?", line.strip()):
            if COMMAND.match(part.strip()):
                yield part.strip()
            elif strict and part.strip() and not part.strip().startswith("#"):
                raise ValueError(f"{page.name}: {part!r} is a command of no known program")


def words_of(command: str) -> list[str]:
    """The words of a command: without variables before it, comments, redirections, and the signs of "and so on"."""
    words = [word for word in shlex.split(command, comments=True) if word not in ("…", "[WORD]")]
    while re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if ">" in words:
        words = words[: words.index(">")]
    optional = re.compile(r"\[(\w+(?:[./]\w+)*=\S+)\]")  # [data=fashion]: may be left out
    return [STANDS_FOR.get(word, optional.sub(r"\1", word.removesuffix("…"))) for word in words]


def check(command: str) -> None:
    """Raise what the program would raise of this command's words; nothing of one that is not checked."""
    program, *words = words_of(command)
    if program == "make":
        check_make(words)
    elif program == "gan":
        check_gan(words)
    elif program == "python" and words[0] == "train.py":
        check_training(words[1:])
    elif program == "python":
        check_script(words)


def check_make(words: Sequence[str]) -> None:
    """Its targets exist; so do the tests that it is given, and settings are those of a run that can start."""
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for word in words:
        if word.startswith("ARGS="):
            arguments = shlex.split(word.removeprefix("ARGS="))
            missing = [path for path in arguments if path.startswith("tests/") and not (ROOT / path).exists()]
            if missing:
                raise ValueError(f"no such tests: {missing}")
            if words[0] == "train":
                check_training(arguments)
        elif "=" not in word and word not in targets:
            raise ValueError(f"make has no target {word!r}")


def check_script(words: Sequence[str]) -> None:
    """It is there."""
    name = f"{words[1].replace('.', '/')}.py" if words[0] == "-m" else words[0]
    if not (ROOT / name).is_file():
        raise FileNotFoundError(name)


def check_gan(words: Sequence[str]) -> None:
    """The command, its options and their values are ones that `gan` takes; a command's name alone is a mention."""
    if words[0].endswith("-completion") or list(words) in (["--version"], ["--help"]):
        return  # typer's own, where to parse it is to write into the home folder; and what parsing it ends
    if words[0] == "train" and words[1:]:
        return check_training(words[1:])
    parsed: Any = typer.main.get_command(app)
    context: Any = None
    name = "gan"
    arguments = [word for word in words if word != "--help"]  # which would print its page and end
    while True:
        with without_runs():
            context = parsed.make_context(name, arguments, parent=context)
        if not hasattr(parsed, "resolve_command"):
            return
        name, parsed, arguments = parsed.resolve_command(context, [*context._protected_args, *context.args])
        if not arguments:
            return


@contextmanager
def without_runs() -> Iterator[None]:
    """Inside the block, a path of a run need not exist."""
    with (
        patch("gan.runs.latest.named_run", lambda given: given),
        patch("gan.generators.bundle_path.check_exists"),
        patch("gan.generators.bundle_path.find"),
    ):
        yield


def check_training(words: Sequence[str]) -> None:
    """Every run that it would start has settings that compose and are valid.

    Of a recipe as it is, or on one of the two main sets, tests/config/test_validation.py asks that: here it need only
    be there.
    """
    recipe = re.fullmatch(r"experiment=(\w+)(?: data=(?:mnist|fashion))?", " ".join(words))
    if recipe and (ROOT / "conf" / "experiment" / f"{recipe[1]}.yaml").is_file():
        return
    # resume=RUN: the settings of a run that is not there; what is said beside it is checked
    overrides = [word for word in words if not word.startswith(("-", "resume="))]
    asks_only = {"--help", "--cfg"} & set(words)
    overrides = [word for word in overrides if not (asks_only and word == "job")]
    for run in _sweep(overrides) if {"-m", "--multirun"} & set(words) else [overrides]:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose("config", [*run, f"run_dir='{os.devnull}'"])
        settings = OmegaConf.to_container(config, resolve=True)
        assert isinstance(settings, dict)
        of_run = {str(name): node for name, node in settings.items() if name not in ("resume", "trust")}
        validate(without_leftovers(of_run, run))


def _sweep(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each run of a sweep: the first value of every setting, and each other value of one by itself."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    choices = [
        [f"{item.get_key_element()}={value}" for value in _values(item)]
        if item.is_sweep_override()
        else [str(item.input_line)]
        for item in parsed
    ]
    first = [values[0] for values in choices]
    others = [
        [*first[:index], value, *first[index + 1 :]] for index, values in enumerate(choices) for value in values[1:]
    ]
    return [first, *others]


def _values(override: Any) -> list[Any]:
    """Of a swept setting; of an interval, its ends."""
    given = override.value()
    return [given.start, given.end] if isinstance(given, IntervalSweep) else list(override.sweep_string_iterator())


if __name__ == "__main__":
    for shown in shown_commands():
        reason = NOT_CHECKED.get(words_of(shown.command)[0])
        if reason:
            print(f"{shown.page}: {shown.command}    ({reason})")
