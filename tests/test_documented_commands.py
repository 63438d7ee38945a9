"""Every command of README and docs is one that its program takes; every Python example runs, or can be imported."""

import doctest
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from documented_commands import FENCE, NOT_CHECKED, PAGES, ROOT, check, commands_of, shown_commands, words_of
from PIL import Image
from tiny_bundles import make_generator, metadata

from gan.generators.bundle import FILE_NAME, save_bundle
from gan.generators.pictures import PADDING

SHOWN = shown_commands()
BY_WORDS = {shlex.join(words_of(shown.command)): shown for shown in SHOWN}
PYTHON = [(page, code) for page in PAGES for language, code in FENCE.findall(page.read_text()) if language == "python"]
PAGE = """
`gan sample` and `gan explore RUN`, `RUN`, `a gan x`

```
gan sample RUN  # why
samples/  a gan file
```

```bash
A=1 python train.py a=1 \\
  b=2
make x  &&  gan y
```

```console
$ gan options
gan prints
```

```python
gan = 3
```
"""


@pytest.mark.parametrize("command", BY_WORDS)
def test_its_program_takes_the_command(command: str) -> None:
    check(command)


def test_commands_are_found_on_every_page_that_shows_some() -> None:
    by_page = {shown.page for shown in SHOWN}
    assert {"README.md", "CONTRIBUTING.md", "docs/tutorials.md", "docs/using.md", "docs/results.md"} <= by_page
    assert len(BY_WORDS) > 100


def test_what_is_only_found_is_no_program_of_ours() -> None:
    assert not {"python", "gan", "make"} & set(NOT_CHECKED)
    assert {words[0] for command in BY_WORDS if (words := command.split())[0] in NOT_CHECKED} <= set(NOT_CHECKED)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("python train.py experiment=ten_minute", "ten_minute"),
        ("python train.py data=folder", "data.folder"),
        ("python train.py optimizer.lr=1e-4 optimizer.lrr=1", "lrr"),
        ("python train.py -m optimizer.lr=1e-4,-1", "optimizer.lr: -1"),
        ("python train.py objective=wasserstein", "penalty"),
        ("python benchmarks/result.py", "benchmarks/result.py"),
        ("gan train optimizer.lrr=1", "lrr"),
        ("gan smaple RUN", "smaple"),
        ("gan sample RUN --sede 3", "--sede"),
        ("gan sample RUN --n x7", "valid integer"),
        ("gan sample --n 3", "source"),
        ("gan smaple --help", "smaple"),
        ("gan data fetsh", "fetsh"),
        ("gan metrics calibrte", "calibrte"),
        ("make tset", "tset"),
        ('make test ARGS="tests/test_nothing.py"', "test_nothing"),
        ("make train ARGS=data=mnits", "mnits"),
    ],
)
def test_a_wrong_command_is_found_out(command: str, problem: str) -> None:
    with pytest.raises(Exception, match=re.escape(problem)):
        check(command)


def test_the_commands_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert [words_of(command) for command in commands_of(page)] == [
        ["gan", "sample", "RUN"],
        ["python", "train.py", "a=1", "b=2"],
        ["make", "x"],
        ["gan", "y"],
        ["gan", "options"],
        ["gan", "sample"],
        ["gan", "explore", "RUN"],
    ]
    page.write_text("```bash\nrm -r outputs\n```\n")
    with pytest.raises(ValueError, match="rm -r outputs"):
        list(commands_of(page))


@pytest.mark.parametrize(("page", "code"), PYTHON, ids=[f"{page.stem}-{n}" for n, (page, _) in enumerate(PYTHON)])
def test_a_python_example_compiles_and_its_imports_are_there(page: Path, code: str) -> None:
    if code.startswith(">>>"):
        code = "".join(example.source for example in doctest.DocTestParser().get_examples(code))
    compile(code, str(page), "exec")
    exec("\n".join(line for line in code.splitlines() if re.match("(from|import) ", line)), {})


def test_the_readmes_example_of_a_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    opened: list[Image.Image] = []

    def show(picture: Image.Image) -> None:  # the real one opens a window
        opened.append(picture)

    monkeypatch.setattr(Image.Image, "show", show)
    save_bundle(tmp_path / "run" / FILE_NAME, make_generator(), metadata(trained={"epochs": 1}))
    [code] = [code for page, code in PYTHON if page == ROOT / "README.md"]
    found: dict[str, object] = {}
    exec(code.replace("outputs/DATE/TIME", "run"), found)
    images = found["images"]
    assert isinstance(images, np.ndarray)
    assert (len(images), images.dtype) == (64, np.uint8)
    [picture] = opened
    *_, height, width = images.shape
    top_left = np.asarray(picture)[::3, ::3][:height, :width]
    assert np.array_equal(top_left, images[0, 0])
    assert picture.width == 3 * (8 * (width + PADDING) - PADDING)
