"""`gan options`: the listing is whole and true, a word finds what it means, docs/configuration.md is the same text."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_method
from omegaconf import OmegaConf
from option_classes import GROUPS as GROUPS_OF_OURS
from option_classes import option_file
from option_classes import options as option_names
from typer import Typer
from typer.testing import CliRunner

from gan.commands.options import options
from gan.config.options.conf_files import CONF, read_conf_file
from gan.config.options.listing import Group, Option, Setting, all_options, all_settings, list_groups
from gan.config.options.pages import markdown, terminal
from gan.config.options.search import select
from gan.config.options.signatures import arguments_of
from gan.system.errors import GanError
from gan.system.value_types import parameters_of

ROOT = Path(__file__).parents[2]
GROUPS = list_groups()
SETTINGS = all_settings(GROUPS)
OPTIONS = all_options(GROUPS)
FILES = sorted(path for path in CONF.rglob("*.yaml") if path.parent != CONF and "hydra" not in path.parts)
TARGETS = sorted(
    {
        value
        for path in (CONF / "config.yaml", *FILES)
        for keys, value in read_conf_file(path).values.items()
        if keys[-1] == "_target_" and value != "???"
    }
)


def option_id(option: Option) -> str:
    return f"{option.group}={option.name}"


# The listing


def test_every_option_file_is_listed_with_what_it_says_of_itself() -> None:
    assert sorted((option.group, option.name) for option in OPTIONS) == [
        (path.parent.relative_to(CONF).as_posix(), path.stem) for path in FILES
    ]
    assert [option_id(option) for option in OPTIONS if not option.header] == []


@pytest.mark.parametrize("group", GROUPS_OF_OURS)
def test_every_option_of_ours_is_listed_with_all_its_settings(group: str) -> None:
    listed = {(setting.path, option) for setting in SETTINGS if setting.group == group for option in setting.options}
    for option in option_names(group):
        assert {(path, option) for path in paths_of(option_file(group, option), f"{group}.")} <= listed


def paths_of(node: dict[str, Any], above: str) -> set[str]:
    """The settings of a node, which are those of its class: tests/config/test_option_files.py."""
    paths: set[str] = set()
    for name, value in node.items():
        if isinstance(value, dict):
            paths |= paths_of(value, f"{above}{name}.")
        elif name != "_target_":
            paths.add(above + name)
    return paths


def test_every_setting_says_what_it_means() -> None:
    assert [setting.path for setting in SETTINGS if not setting.meaning] == []


def test_the_default_options_are_those_of_config_yaml() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        choices = compose("config", return_hydra_config=True).hydra.runtime.choices
    listed = {option.group: option.name for option in OPTIONS if option.default}
    assert listed == {group: name for group, name in choices.items() if "hydra" not in group and name is not None}


@pytest.mark.parametrize("option", OPTIONS, ids=option_id)
def test_every_setting_of_an_option_can_be_given_as_it_is_listed(option: Option) -> None:
    settings = [s for s in SETTINGS if s.options == () or (s.group == option.group and option.name in s.options)]
    words = [f"{s.path}={quoted(s.default)}" for s in settings if s.path != "run_dir"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        given = compose("config", [f"{option.group}={option.name}", *words])
        plain = compose("config", [f"{option.group}={option.name}"])
    for setting in settings:
        assert same(given, setting.path) == same(plain, setting.path) or not setting.options, setting.path


def quoted(default: str) -> str:
    return f"'{default}'" if "${" in default else default


def same(config: object, path: str) -> object:
    """A value before its references are resolved, which may be to what only a run has."""
    node = OmegaConf.to_container(config, resolve=False)
    for name in path.split("."):
        assert isinstance(node, dict)
        node = node[name]
    return node


@pytest.mark.parametrize("target", TARGETS)
def test_arguments_read_from_the_source_are_those_that_python_sees(target: str) -> None:
    seen = {name: p.default is not p.empty for name, p in parameters_of(get_method(target)).items()}
    read = {argument.name: argument.default is not None for argument in arguments_of(target).values()}
    assert read == seen


def test_what_the_listing_says_of_a_setting_of_ours_and_of_a_target() -> None:
    batch_size = next(setting for setting in SETTINGS if setting.path == "data.batch_size")
    assert (batch_size.default, batch_size.type, batch_size.allowed) == ("64", "an integer", "1 or more")
    assert batch_size.meaning == "images in one minibatch, over all devices together"
    lr = next(setting for setting in SETTINGS if setting.path == "optimizer.lr" and "adam" in setting.options)
    assert (lr.default, lr.type) == ("2e-4", "a number")
    assert next(s for s in SETTINGS if s.path == "optimizer.generator.lr").refers_to == "optimizer.lr"
    prior = next(setting for setting in SETTINGS if setting.path == "model.prior")
    assert "normal, uniform" in prior.type


def test_a_comment_is_found_beside_and_below_a_value_and_above_a_node(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "# @package other\n"
        "# What it is,\n"
        "# in two lines.\n"
        "#   python train.py x=mine\n"
        "rate: 2e-4  # beside it,\n"
        "            # and below\n"
        "word: 'a # b'\n"
        "list: [1, 2]  # of numbers\n"
        "# Above a node.\n"
        "node:\n"
        "  inner: null\n"
    )
    file = read_conf_file(tmp_path / "mine.yaml")
    assert file.package == "other"
    assert file.header == ("What it is, in two lines.", "  python train.py x=mine")
    assert file.comments == {("rate",): "beside it, and below", ("list",): "of numbers", ("node",): "Above a node."}
    assert file.values == {("rate",): "2e-4", ("word",): "'a # b'", ("list",): "[1,2]", ("node", "inner"): "null"}


def test_without_conf_there_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(GanError, match="conf is not there; a complete installation of gan has it"):
        list_groups(tmp_path / "conf")


# Finding


def names(groups: list[Group]) -> tuple[list[str], list[str], list[str]]:
    return (
        [group.name for group in groups],
        [option_id(option) for option in all_options(groups)],
        [setting.path for setting in all_settings(groups)],
    )


def test_a_group_is_found_whole() -> None:
    assert select(GROUPS, "schedule") == [group for group in GROUPS if group.name == "schedule"]


def test_the_trainers_settings_are_found_wherever_they_stand() -> None:
    groups, _, paths = names(select(GROUPS, "trainer"))
    assert groups == ["trainer", "accelerator"]
    assert {"trainer.max_epochs", "trainer.devices"} <= set(paths)


@pytest.mark.parametrize("word", ["model/mlp", "model=mlp"])
def test_an_option_is_found_with_its_own_settings(word: str) -> None:
    found = select(GROUPS, word)
    _, options_found, paths = names(found)
    assert options_found == ["model=mlp"]
    assert "model.generator.hidden" in paths
    assert "model.generator.base_channels" not in paths


def test_settings_are_found_by_a_path_and_by_the_beginning_of_one() -> None:
    assert set(names(select(GROUPS, "optimizer.lr"))[2]) == {"optimizer.lr"}
    paths = names(select(GROUPS, "model.generator"))[2]
    assert paths and all(path.startswith("model.generator.") for path in paths)


def test_else_a_word_is_looked_for_in_names_and_then_in_descriptions() -> None:
    _, options_found, paths = names(select(GROUPS, "clip"))
    assert "optimizer.clip_norm" in paths
    assert all("clip" in name for name in (*options_found, *paths))
    assert "schedule.n_critic" in names(select(GROUPS, "New Minibatch"))[2]


def test_what_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(GanError, match="gan options: no such option 'shedule'; did you mean 'schedule'"):
        select(GROUPS, "shedule")
    with pytest.raises(GanError, match="gan options: no such option 'latent_dmi'; did you mean 'latent_dim'"):
        select(GROUPS, "latent_dmi")
    with pytest.raises(GanError, match="schedule: no such option 'stps'; did you mean 'steps'"):
        select(GROUPS, "schedule/stps")
    with pytest.raises(GanError, match="gan options: no such option 'modle'; did you mean 'model'"):
        select(GROUPS, "modle=mlp")


# Pages


def test_the_terminal_page_has_every_option_and_setting_in_100_columns() -> None:
    page = terminal(GROUPS, whole=True)
    assert max(map(len, page.splitlines())) <= 100
    for setting in SETTINGS:
        assert f"  {setting.path}={setting.default}" in page
    for option in OPTIONS:
        assert f"\n  {'*' if option.default else ' '} {option.name} " in page


def test_settings_that_differ_in_their_default_alone_are_told_once() -> None:
    one = Setting("group.rate", "how fast", "a number", "0 or more", "1", "group", ("a",))
    other = Setting("group.rate", "how fast", "a number", "0 or more", "2", "group", ("b", "c"))
    alone = Setting("group.only", "of a", "a word", "", "x", "group", ("a",))
    group = Group("group", tuple(Option("group", name, ("What.",), name == "a") for name in "abc"), (one, other, alone))
    assert terminal([group]).splitlines() == [
        "group=…",
        "  * a What.",
        "    b What.",
        "    c What.",
        f"{'  group.rate=1':<48}  [a]",
        f"{'  group.rate=2':<48}  [b, c]",
        "      how fast (a number, 0 or more)",
        f"{'  group.only=x':<48}  [a]",
        "      of a (a word)",
    ]
    assert "| `group.rate=1` [a]<br>`group.rate=2` [b, c] | a number, 0 or more | how fast |" in markdown([group])


def test_markdown_shows_brackets_stars_and_bars_as_they_are() -> None:
    setting = Setting("a.b", "the file <root>/*.png, or `<x>`", "one of 1 | 2", "", "x|y", "a", ("c",))
    group = Group("a", (Option("a", "c", ("With <this>", "  python train.py a=<c>"), default=True),), (setting,))
    page = markdown([group])
    assert "| **`c`** | With \\<this><br>`python train.py a=<c>` |" in page
    assert "| `a.b=x\\|y` | one of 1 \\| 2 | the file \\<root>/\\*.png, or `<x>` |" in page


def test_one_group_tells_what_takes_a_plus() -> None:
    assert "+optimizer.eps" in terminal(select(GROUPS, "optimizer/adam"))
    trainer = terminal(select(GROUPS, "trainer"))
    assert "+trainer.sync_batchnorm" in trainer
    for refused in ("+trainer.gradient_clip_val", "+trainer.callbacks", "+trainer.devices"):
        assert refused not in trainer


def test_the_page_in_docs_is_what_the_command_writes() -> None:
    page = ROOT / "docs" / "configuration.md"
    assert page.read_text(encoding="utf-8") == markdown(GROUPS, whole=True) + "\n", (
        "docs/configuration.md is not what the classes and conf/ say any more: run `make docs`"
    )


# The command


def test_the_command_prints_text_markdown_and_json() -> None:
    app = Typer(pretty_exceptions_enable=False)
    app.command()(options)
    runner = CliRunner()
    assert runner.invoke(app, []).output == terminal(GROUPS, whole=True) + "\n"
    assert runner.invoke(app, ["schedule"]).output == terminal(select(GROUPS, "schedule")) + "\n"
    assert runner.invoke(app, ["--markdown"]).output == markdown(GROUPS, whole=True) + "\n"
    [group] = json.loads(runner.invoke(app, ["schedule/steps", "--json"]).output)
    assert group["options"][0]["name"] == "steps"
    assert group["settings"][0]["path"] == "schedule.n_critic"
    assert isinstance(runner.invoke(app, ["nothing_like_it"]).exception, GanError)


def test_gan_has_the_command() -> None:
    from gan.commands.main import app

    done = CliRunner().invoke(app, ["options", "schedule"])
    assert (done.exit_code, done.output) == (0, terminal(select(GROUPS, "schedule")) + "\n")


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from gan.config.options.listing import list_groups; list_groups(); "
        "print({'torch', 'hydra'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"
