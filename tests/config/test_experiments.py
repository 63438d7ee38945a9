"""`experiment=r1 penalty=none`: what a recipe sets for an option goes when the command line takes another."""

import re
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from tiny_runs import Compose

from gan.config.experiments import MADE_FOR, notes, without_leftovers
from gan.config.kinds import NONE
from gan.config.options.conf_files import CONF, read_conf_file
from gan.config.validation import validate
from gan.launch.hydra_job import resolved

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "gone", "kept"),
    [
        (["experiment=r1", "penalty=none"], ["penalty.gamma", "penalty.every"], {"optimizer.lr": 1e-3}),
        (["experiment=slides_mnist", "data=fashion"], [], {"data.batch_size": 32, "data.name": "fashion"}),
        (["experiment=wgan", "optimizer=adam"], [], {"optimizer.lr": 5e-5, "optimizer.betas": [0.5, 0.999]}),
        (["experiment=dcgan", "optimizer=sgd"], ["optimizer.betas"], {"optimizer.momentum": 0.5}),
        (
            ["experiment=gan_2014", "model=dcgan"],
            ["model.generator.hidden", "model.discriminator.activation"],
            {"model.prior": "uniform", "model.generator.normalization": "none", "model.generator.base_channels": 32},
        ),
        (["experiment=wgan", "schedule=alternating_epochs"], ["schedule.n_critic"], {"schedule.generator_epochs": 1}),
    ],
)
def test_a_replaced_option_takes_its_settings_with_it(
    words: list[str], gone: list[str], kept: dict[str, object], compose_settings: Compose
) -> None:
    composed = compose_settings(*words)
    settings = without_leftovers(composed, words)
    for path in gone:
        assert _at(composed, path) is not None
        assert _at(settings, path) is None
    for path, value in kept.items():
        assert _at(settings, path) == value
    validate(settings)


def test_what_the_command_line_itself_sets_stays_for_validation_to_judge(compose_settings: Compose) -> None:
    words = ["experiment=r1", "penalty=none", "+penalty.weight=3"]
    assert without_leftovers(compose_settings(*words), words)["penalty"] == {"_target_": NONE, "weight": 3}


@pytest.mark.parametrize("words", [["experiment=r1"], ["penalty=r1", "+penalty.gama=3"], ["seed=3"]])
def test_without_a_recipe_or_another_option_nothing_changes(words: list[str], compose_settings: Compose) -> None:
    settings = compose_settings(*words)
    assert without_leftovers(settings, words) == settings


def test_the_recipe_that_the_docs_show_is_one(tmp_path: Path) -> None:
    shown = re.search(r"```yaml\n(# @package _global_\n.*?)```", (ROOT / "docs" / "recipes.md").read_text(), re.DOTALL)
    assert shown is not None
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (conf / "experiment" / "mine.yaml").write_text(shown[1])
    with initialize_config_dir(str(conf), version_base="1.3"):
        settings = resolved(compose("config", ["experiment=mine", f"run_dir={tmp_path / 'run'}"]))
    validate(settings)
    assert settings["trainer"]["max_epochs"] == 5


def _at(settings: object, path: str) -> object:
    for name in path.split("."):
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings


@pytest.mark.parametrize(
    ("words", "begins", "advice"),
    [
        (["experiment=slides_mnist"], "Note on experiment=slides_mnist: ", "Try seed=1"),
        (["experiment=slides_mnist", "seed=1"], "", ""),
        (["experiment=slides_mnist", "data=fashion"], "", ""),
        (["experiment=few_images"], "", ""),
        (["experiment=few_images", "data=fashion_sample"], "", ""),
        (
            ["experiment=few_images", "data=mnist"],
            "WARNING: experiment=few_images is not made for data=mnist: ",
            "hours",
        ),
        (["experiment=two_dimensions", "data=ring"], "", ""),
        (
            ["experiment=two_dimensions", "data=mnist_sample"],
            "WARNING: experiment=two_dimensions is not made for data=mnist_sample: ",
            "Use data=grid, ring, ",
        ),
        (["experiment=quickstart", "data=fashion"], "", ""),
        (["experiment=../config", "seed"], "", ""),
        (["data=mnist"], "", ""),
    ],
)
def test_what_to_know_before_a_run(words: list[str], begins: str, advice: str) -> None:
    found = notes(words)
    assert len(found) == bool(begins)
    assert all(line.startswith(begins) and advice in line and "\n" not in line for line in found)


def test_the_datasets_that_an_experiment_is_made_for_exist() -> None:
    known = {path.stem for path in (CONF / "data").glob("*.yaml")}
    made_for = []
    for path in (CONF / "experiment").glob("*.yaml"):
        for paragraph in read_conf_file(path).header:
            if paragraph.startswith(MADE_FOR):
                made_for.append(path.stem)
                assert set(paragraph.removeprefix(MADE_FOR).partition(": ")[0].split(", ")) <= known
    assert sorted(made_for) == ["few_images", "two_dimensions"]
