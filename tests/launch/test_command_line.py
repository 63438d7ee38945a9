"""The words of a command line: what cannot be read, null and other values for every group and setting, all answered."""

import contextlib
import copy
import shlex
from pathlib import Path

import pytest
from config_problems import paths, problems
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from tiny_runs import Compose
from train_command import Train, train_in

from gan.launch.command_line import _groups, may_be_null, readable
from gan.launch.costs import Stopwatch
from gan.system import shell
from gan.system.errors import ConfigError, GanError

TINY = ("data=mnist_sample", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]", "dry_run=true")
GROUPS = sorted(_groups())
ODD = ("null", "''", "5", "[]", "{}", "abc", "1e400", "9" * 30, "-1", "true")


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    monkeypatch.setattr(Stopwatch, "ENOUGH", 1)
    monkeypatch.setattr(Stopwatch, "SECONDS", 0.0)
    return train_in(tmp_path, monkeypatch, capfd)


def told(*words: str) -> str:
    with pytest.raises(ConfigError) as error:
        readable(words)
    return str(error.value)


@pytest.mark.parametrize("value", ["r/lr=0.1", "a=b", "pics (1)", "a#b", "it's", 'a"b', "a\\", "a{b", "a,b", "2024"])
def test_text_that_is_quoted_as_advised_is_that_text(value: str) -> None:
    [word] = shlex.split(shell.command(shell.override("data.folder", value)))
    assert OverridesParser.create().parse_override(word).value() == value
    try:
        readable([f"data.folder={value}"])
    except ConfigError as error:
        assert str(error).endswith(f": {shell.command(shell.override('data.folder', value))}")


def test_a_number_that_is_a_folder_is_quoted_as_advised(compose_settings: Compose) -> None:
    [message] = problems(compose_settings("data=folder", "data.folder=2024"))
    [advised] = shlex.split(message.partition("as a string: ")[2])
    assert problems(compose_settings("data=folder", advised)) == []


def test_a_word_that_is_no_setting_may_belong_to_the_one_before_it() -> None:
    message = told("data=folder", "data.folder=my", "pics")
    advice = "or, if it belongs to the word before it: 'data.folder=\"my pics\"'"
    assert message == f"'pics': not a setting; NAME=value expected, {advice}"
    assert told("pics") == "'pics': not a setting; NAME=value expected"
    assert told("seed=1", "") == "'': not a setting; NAME=value expected"


@pytest.mark.parametrize(
    "word", ["=5", "+=5", "~", "+", "5", "a b", "hydra=null", "hydra/sweeper=null", "seed=${", "é=1"]
)
def test_a_word_that_cannot_be_read_is_named(word: str) -> None:
    assert word in told("seed=1", word)


def test_a_plus_before_a_group_that_is_there() -> None:
    message = told("+experiment=quickstart")
    assert readable([message.rpartition(": ")[2]]) == ["experiment=quickstart"]


def test_settings_may_stand_on_both_sides_of_a_flag() -> None:
    words = ["seed=1", "--config-dir", "a=b", "data=mnist", "-m"]
    assert readable(words) == ["--config-dir", "a=b", "-m", "seed=1", "data=mnist"]


def test_the_groups_that_null_leaves_out() -> None:
    nulls = {"logger", "callbacks", "penalty", "ema", "experiment", "sweep", "augmentation", "lr_schedule"}
    assert {group for group in GROUPS if may_be_null(group)} == nulls


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_given_as_null_is_left_out_or_answered(train: Train, tmp_path: Path, group: str) -> None:
    done = train(f"{group}=null", *[word for word in TINY if not word.startswith((f"{group}=", f"{group}."))])
    assert (done.returncode == 0) == may_be_null(group), done.stderr
    assert done.returncode == 0 or done.stderr.startswith(f"{group}: no such option 'null'; choices: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("value", ODD)
def test_every_group_given_an_odd_value_is_composed_or_refused(compose_settings: Compose, value: str) -> None:
    for group in GROUPS:
        with contextlib.suppress(GanError, HydraException):
            problems(compose_settings(*readable([f"{group}={value}"])))


@pytest.mark.slow
def test_every_setting_given_an_odd_value_is_valid_or_refused(compose_settings: Compose) -> None:
    """As Hydra reads the value, and then our checks: nothing but a refusal is ever raised."""
    whole = compose_settings("data=mnist_sample")
    parser = OverridesParser.create()
    for path in paths(whole):
        for value in ODD:
            word = f"{'.'.join(path)}={value}"
            changed = copy.deepcopy(whole)
            node = changed
            for name in path[:-1]:
                node = node[name]
            node[path[-1]] = parser.parse_override(word).value()
            assert all(line.strip() for line in problems(changed)), word


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed=${nope}"], "seed: Interpolation key 'nope' not found"),
        (["seed=${oc.nope:A}"], "seed: Unsupported interpolation type oc.nope"),
        (["seed=${seed}"], "seed: Recursive interpolation detected"),
        (["run_dir=null"], "run_dir: None given, a folder expected"),
        (["run_dir=/dev/null/x", "dry_run=false"], "hydra.run.dir: /dev/null/x cannot be written"),
        (["trainer.default_root_dir=/etc/passwd"], "trainer.default_root_dir: /etc/passwd given, and /etc/passwd is"),
        (["logger.tensorboard.save_dir=/dev/null/x"], "logger.tensorboard.save_dir: /dev/null/x given, and /dev/null"),
        (["model.latent_dim=12345678901234567890123"], "model.latent_dim: 12345678901234567890123 given, an integer"),
        (["trainer.max_time=5"], "trainer.max_time: 5 given, a time above 0 as DD:HH:MM:SS"),
        (["model.generator.hidden=[60000,60000,60000,60000,60000]"], "model: networks of 14,"),
    ],
)
def test_one_message_and_nothing_is_left(train: Train, tmp_path: Path, words: list[str], message: str) -> None:
    done = train(*TINY, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_reference_to_another_setting_is_followed(train: Train, tmp_path: Path) -> None:
    done = train(*TINY, "optimizer.discriminator.lr=${optimizer.generator.lr}", "trainer.max_epochs=123456789012345678")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["model.generator.normalization=batch", "data.batch_size=8999"],
        ["model.discriminator.normalization=batch", "optimizer.accumulate=64"],
        pytest.param(["model.discriminator.normalization=batch", "data.batch_size=1"], marks=pytest.mark.slow),
        ["model.generator.normalization=batch", "data.batch_size=2", "trainer.devices=2"],
        pytest.param(
            [
                "model.generator.normalization=batch",
                "model.generator.conditioning=batch_norm",
                "model.discriminator.conditioning=projection",
                "data.batch_size=8999",
            ],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_batch_norm_of_one_image_is_answered_and_each_advice_helps(
    train: Train, tmp_path: Path, words: list[str]
) -> None:
    done = train(*TINY, *words)
    assert (done.returncode, done.stdout) == (2, "")
    advice = done.stderr.rpartition("; ")[2].removesuffix(" expected\n").split(", or ")
    assert advice
    for advised in advice:
        names = {word.partition("=")[0] for word in advised.split()}
        kept = [word for word in words if word.partition("=")[0] not in names]
        again = train(*TINY, *kept, *advised.split())
        assert (again.returncode, again.stderr) == (0, ""), advised
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("word", "mended"),
    [
        ("hydra.sweeper=optuna", "hydra/sweeper=optuna"),
        ("hydra.launcher=joblib", "hydra/launcher=joblib"),
        ("hydra.run.dir=~/runs/a", "hydra.run.dir=$HOME/runs/a"),
        ("data.folder=~/pictures", "data.folder=$HOME/pictures"),
    ],
)
def test_a_slash_for_a_group_and_the_variable_for_ones_home(word: str, mended: str) -> None:
    message = told(word)
    assert message.startswith(f"{word}: ")
    assert message.endswith(f" {mended}")
    typed = mended.replace("$HOME", "/home/me")  # by the shell
    assert readable([typed]) == [typed]


def test_several_sweeps_at_once_are_refused() -> None:
    for word in ("sweep=seeds,learning_rates", "sweep=[seeds,learning_rates]"):
        assert told(word) == f"{word}: one sweep expected; run several one after the other"
        assert told("-m", word) == f"{word}: one sweep expected; run several one after the other"


def test_values_of_a_sweep_that_are_replaced_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert readable(["sweep=seeds", "data=mnist"]) == ["sweep=seeds", "data=mnist"]
    assert capsys.readouterr().err == ""
    readable(["sweep=seeds", "seed=5"])
    assert capsys.readouterr().err == "seed=5: replaces the values of sweep=seeds (seed=range(5))\n"


def test_a_schedule_without_an_end_is_refused_before_the_run(train: Train) -> None:
    done = train(*TINY, "lr_schedule=cosine", "trainer.max_epochs=-1", "trainer.max_time=00:00:00:03")
    assert done.returncode == 2
    assert done.stderr == (
        "lr_schedule: 'cosine' given, which depends on the length of the run; trainer.max_epochs or trainer.max_steps "
        "expected\n"
    )


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trainer.gradient_clip_val=1", "trainer.gradient_clip_val: not for a GAN; use optimizer.clip_norm"),
        ("trainer.fast_dev_run=true", "trainer.fast_dev_run: not for a GAN; use trainer.max_steps=1 for a short run"),
        (
            "+trainer.default_root_dir=/x",
            "+trainer.default_root_dir=/x: a plus only adds a setting that is not there; to",
        ),
    ],
)
def test_a_plus_is_not_advised_for_what_is_refused(train: Train, word: str, message: str) -> None:
    done = train(*TINY, word)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("first_lines", "message"),
    [
        ("defaults: [override /model: mlp]", "experiment: the first line of the recipe's file must be: # @package"),
        ("defaults: [{/penalty: r1}]", "experiment: the first line of the recipe's file must be: # @package _global_"),
        ("trainer: {max_epochs: 1}", "experiment: the first line of the recipe's file must be: # @package _global_"),
        (
            "# @package _global_\ndefaults: [{/penalty: r1}]",
            "penalty: its option is chosen twice; in a recipe, write: - override /penalty: OPTION",
        ),
    ],
)
def test_a_recipe_without_its_first_line_or_override_and_the_advice_helps(
    train: Train, tmp_path: Path, first_lines: str, message: str
) -> None:
    file = tmp_path / "mine" / "experiment" / "own.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(f"{first_lines}\n")
    done = train("--config-dir", "mine", "experiment=own", *TINY)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    mended = first_lines.replace("{/penalty", "{override /penalty").removeprefix("# @package _global_\n")
    mended = mended.replace("[override /model: mlp]", "[{override /model: mlp}]")
    file.write_text(f"# @package _global_\n{mended}\n")
    assert train("--config-dir", "mine", "experiment=own", *TINY).returncode == 0
