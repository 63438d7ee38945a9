"""Which settings may change when a run goes on, by what words, and what they then do."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from tiny_runs import TINY, Compose, Play, Run

from gan.config import saved_settings
from gan.config.defaults import completed
from gan.config.experiments import without_leftovers
from gan.config.free_settings import FREE, within
from gan.config.saved_settings import FIXED, references
from gan.launch import hydra_job, resume
from gan.runs.resume import ResumeState
from gan.system.errors import ConfigError
from gan.training.callbacks import LastCheckpoint

CONF = Path(__file__).parents[2] / "conf"
# A game, and what of it can be allowed to change. All is changed on the command line, one setting with each word.
CHANGES: dict[str, tuple[list[str], list[str]]] = {
    "plain": (
        ["model.prior=normal", "game.instance_noise.std=0.1", "model.discriminator.dropout=0.1"],
        [
            *("seed=3", "data.batch_size=5", "data.shuffle=false", "data.drop_last=true", "data.mean=0.4"),
            "data.flip=true",
            *("data.std=0.6", "objective.real_target=0.9", "game.d_batch=concatenated"),
            *("game.instance_noise.std=0.5", "game.instance_noise.images=30", "optimizer.lr=0.1"),
            *("optimizer.betas=[0,0.9]", "optimizer.clip_norm=0.01", "optimizer.discriminator.lr=0.2"),
            *("optimizer.generator.lr=0.3", "+optimizer.weight_decay=0.5", "+optimizer.generator.clip_norm=0.01"),
            *("lr_schedule.warmup=30", "schedule.n_critic=2"),
            *("trainer.limit_train_batches=3", "trainer.precision=bf16-mixed", "optimizer.accumulate=2"),
        ],
    ),
    "extras": (
        ["penalty=r1", "augmentation=diffaugment", "ema=standard", "lr_schedule=cosine", "model.codes.continuous=1"],
        [
            *(
                "penalty._target_=gan.game.penalties.R2",
                "penalty.gamma=50",
                "penalty.every=3",
                "augmentation.policy=[cutout]",
            ),
            *("augmentation.probability=0.1", "ema.halflife_images=1", "ema.rampup=null", "lr_schedule.final=0.9"),
            *(
                "lr_schedule.warmup=30",
                "lr_schedule.networks=[generator]",
                "game.auxiliary_losses.information_weight=5",
            ),
            *("trainer.max_epochs=3", "trainer.max_steps=17"),
        ],
    ),
    "others": (
        [
            *("penalty=gradient_penalty", "augmentation=adaptive", "augmentation.probability=0.5"),
            *("lr_schedule=linear", "schedule=alternating_epochs"),
        ],
        [
            *("penalty.weight=90", "penalty.every=3", "augmentation.policy=[cutout]", "augmentation.target=0.99"),
            *("augmentation.speed_images=10", "augmentation.every=1", "lr_schedule.start=0", "lr_schedule.final=0.5"),
            *("schedule.discriminator_epochs=2", "schedule.generator_epochs=3"),
        ],
    ),
    "clipped": (
        ["penalty=clipping"],
        [
            "penalty.limit=0.001",
            "objective._target_=gan.game.losses.Hinge",
            "schedule.reuse_fakes=true",
            "game.d_batch=one_pass",
        ],
    ),
}
# What may be allowed and changes no number, or none here: one process, no labels, the same kernels.
SILENT = (
    *("data.batch_size_of", "game.auxiliary_losses.class_weight", "optimizer.fused", "trainer.deterministic"),
    *("trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.strategy", "trainer._target_"),
    *("trainer.num_sanity_val_steps", "trainer.use_distributed_sampler"),
)
CASES = [(game, word) for game, (_, words) in CHANGES.items() for word in words]
BY_DEFAULT = ("optimizer.lr=0.1", "lr_schedule.networks=[generator]")
Settle = Callable[..., tuple[dict[str, Any], ResumeState | None]]


def path_of(word: str) -> str:
    return word.lstrip("+").partition("=")[0]


def allow(*words: str) -> str:
    return f"resume.allow=[{','.join(map(path_of, words))}]"


def leaves(settings: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


@pytest.fixture
def settle(compose_settings: Compose, tmp_path: Path) -> Settle:
    """``settle("resume=RUN", …)``: what train.py makes of its command line, but for what Hydra's main does.

    Where no run is named, it is the one in the folder ``run``.
    """

    def settled(*words: str, auto: bool = False) -> tuple[dict[str, Any], ResumeState | None]:
        run = tmp_path / "run"
        given = ["resume=auto", *TINY] if auto else [f"resume={run}"]
        passed = resume.without_run([*given, *words])
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("config", [*passed, f"run_dir='{run}'"])
        return hydra_job.resolve(config)

    return settled


@pytest.fixture
def begun(play: Play, tmp_path: Path) -> Callable[..., Run]:
    """``begun(*words)``: a run of one epoch of two, as if it had been interrupted there."""

    def played(*words: str) -> Run:
        run = play(*words, "trainer.max_epochs=1", callbacks=[LastCheckpoint()])
        settings = {name: node for name, node in run.game.hparams.items() if name != "resume"}
        settings["trainer"] = {**settings["trainer"], "max_epochs": 2}
        (run.folder / "config.yaml").write_text(yaml.safe_dump(settings))
        return run

    return played


@pytest.mark.parametrize("game", CHANGES)
def test_what_is_allowed_has_the_settings_of_a_command_that_says_so_from_the_beginning(
    game: str, settle: Settle, compose_settings: Compose, tmp_path: Path
) -> None:
    words, changes = CHANGES[game]
    saved = tmp_path / "run" / "config.yaml"
    saved.parent.mkdir()
    saved.write_text(yaml.safe_dump(compose_settings(*TINY, *words)))
    with pytest.raises(ConfigError) as told:
        settle(*changes)
    (advice,) = shlex.split(str(told.value).rpartition("allow the change: ")[2])
    assert set(advice.removeprefix("resume.allow=[").removesuffix("]").split(",")) == set(map(path_of, changes))
    settings, past = settle(*changes, advice)
    assert past is not None
    whole = [*TINY, *words, *changes]
    assert settings == without_leftovers(compose_settings(*whole), whole)


@pytest.mark.parametrize(
    ("game", "word"),
    [pytest.param(*case, marks=[] if case[1] in BY_DEFAULT else [pytest.mark.slow]) for case in CASES],
    ids=[f"{game}: {word}" for game, word in CASES],
)
def test_what_is_allowed_changes_the_numbers(
    game: str, word: str, begun: Callable[..., Run], play: Play, settle: Settle
) -> None:
    words, _ = CHANGES[game]
    run = begun(*words)
    last = run.folder / "checkpoints" / "last.ckpt"
    content = last.read_bytes()
    settings, past = settle(word, allow(word))
    assert past is not None
    assert past.checkpoint == last
    ended = []
    for also in ([], [word]):
        last.write_bytes(content)
        same = play(*words, "trainer.max_epochs=4", *also, callbacks=[LastCheckpoint()], ckpt_path=last)
        ended.append(same)
    assert ended[1].game.hparams["optimizer"] == settings["optimizer"]
    if word.startswith("augmentation.target"):  # D is too unsure of everything for it to count within four epochs
        assert [run.game.augmentation.target for run in ended] == [0.6, 0.99]
        return
    same, other = ({name: value.tolist() for name, value in run.game.state_dict().items()} for run in ended)
    assert same != other
    if word == "lr_schedule.networks=[generator]":  # the discriminator has its own rate, not the last of the schedule
        assert ended[1].trainer.optimizers[0].param_groups[0]["lr"] == 0.01


def test_the_tables_have_every_setting_that_can_be_allowed(compose_settings: Compose) -> None:
    known = {"trainer.max_epochs", "trainer.max_steps", *SILENT, *(path_of(word) for _, word in CASES)}
    for words, _ in CHANGES.values():
        for path in leaves(compose_settings(*TINY, *words)):
            fixed = within(path, (*FIXED, *saved_settings.ADAPTED, *FREE)) or path.endswith("._target_")
            assert fixed or path in known, path


def test_every_reference_in_conf_is_known() -> None:
    """Settings that are taken from another one follow it when it changes; the rest are resolved once and for all."""
    found = set()
    for path in CONF.rglob("*.yaml"):
        for line in path.read_text().splitlines():
            if "${" in (value := line.partition("#")[0]):
                found.add(value.partition(":")[2].strip())
    others = {value for value in found if value[2:].partition("}")[0] not in references().values()}
    assert {value[2:-1] for value in found - others} == {"optimizer.lr", "run_dir", "hydra.job.num"}
    assert all(value.startswith(("${oc.env:", "${hydra", "outputs/${now", "multirun/${now")) for value in others)
    assert references()["optimizer.generator.lr"] == references()["optimizer.discriminator.lr"] == "optimizer.lr"


def test_a_rate_of_ones_own_stays(settle: Settle, compose_settings: Compose, tmp_path: Path) -> None:
    own = (*TINY, "optimizer.discriminator.lr=0.04")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(compose_settings(*own)))
    settings, past = settle("optimizer.lr=0.5", "resume.allow=[optimizer.lr]")
    assert past is not None
    assert set(past.changed) == {"optimizer.lr: 0.01 -> 0.5", "optimizer.generator.lr: 0.01 -> 0.5"}
    assert settings == compose_settings(*own, "optimizer.lr=0.5")
    settings, _ = settle("optimizer.lr=0.5", "optimizer.generator.lr=0.01", "resume.allow=[optimizer.lr]")
    assert settings == compose_settings(*own, "optimizer.lr=0.5", "optimizer.generator.lr=0.01")


def test_resume_auto_takes_the_same_word(begun: Callable[..., Run], settle: Settle, compose_settings: Compose) -> None:
    begun()
    _, past = settle(auto=True)
    assert past is not None
    with pytest.raises(ConfigError, match="seed: 0 before, 1 given"):
        settle("seed=1", auto=True)
    settings, past = settle("optimizer.lr=0.5", "resume.allow=[optimizer.lr]", auto=True)
    assert past is not None
    assert settings == completed(compose_settings(*TINY, "optimizer.lr=0.5"))


def test_resume_auto_keeps_the_former_value_of_a_setting_that_came_later(
    settle: Settle, compose_settings: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = compose_settings(*TINY)
    del saved["model"]["channels_last"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(saved))
    assert settle(auto=True)[0]["model"]["channels_last"] is False
    monkeypatch.setattr(
        resume.command_line, "task_words", lambda: ["model.channels_last=true"]
    )  # Hydra's main has them
    with pytest.raises(ConfigError, match=r"model\.channels_last: False before, True given"):
        settle("model.channels_last=true", auto=True)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("resume.allow=[optimizer.lrr]", "resume.allow: no such setting 'optimizer.lrr'; did you mean optimizer.lr?"),
        ("resume.allow=[warmup]", "resume.allow: no such setting 'warmup'; did you mean lr_schedule.warmup?"),
        (
            "resume.allow=[lr_schedule._target_.x]",
            "resume.allow: no such setting 'lr_schedule._target_.x'; did you mean",
        ),
        ("resume.allow=seed", r"resume.allow: 'seed' given, a list expected: 'resume.allow=\[seed\]'"),
        ("resume.allow=3", r"resume.allow: 3 given, a list of settings expected, as 'resume.allow=\[optimizer.lr\]'"),
        ("resume.allow=[3]", r"resume.allow: \[3\] given, a list of settings expected"),
        ("trainer.max_epochs=abc", "trainer.max_epochs: 'abc' given, an integer"),
        ("trainer.max_epochs=0", "trainer.max_epochs: 0 given, 1 or more expected"),
        ("optimizer.lr=${nope}", "resume: Interpolation key 'nope' not found"),
        ("optimizer.lr=${optimizer.generator.lr}", "resume: "),
        ("seed=1,2", "resume: seed=1,2 given; a resumed run needs one value"),
        ("seed=[", "resume: "),
        ("run_dir=null", "run_dir: None given, a folder expected"),
        ("run_dir=elsewhere", "run_dir: .* before, 'elsewhere' given: a resumed run stays in its folder"),
        ("trainer.default_root_dir=elsewhere", "trainer.default_root_dir: .*: a resumed run stays in its folder"),
        ("hydra.run.dir=elsewhere", "resume: hydra.run.dir=elsewhere given; a run is resumed in its own folder"),
        ("optimizer.rate=3", "optimizer.rate: the run has no such setting"),
        ("model.latent_dim=5", "model.latent_dim: 3 before, 5 given: the checkpoint has no networks or states for"),
        ("model=dcgan", "a resumed run keeps its options"),
        ("optimizer=null", "a resumed run keeps its options"),
        ("experiment=dcgan", "a resumed run keeps its options"),
        ("~trainer.max_epochs", "a resumed run keeps its options"),
    ],
)
def test_what_cannot_be_is_told_before_a_checkpoint_is_read(
    word: str, told: str, settle: Settle, compose_settings: Compose, tmp_path: Path
) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints" / "last.ckpt").write_bytes(b"damaged")
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(compose_settings(*TINY)))
    with pytest.raises(ConfigError, match=told):
        settle(word)
    auto = not word.startswith(("hydra", "~", "model=", "optimizer=", "experiment=", "seed=", "optimizer."))
    if auto and "." in word:
        with pytest.raises(ConfigError, match=told):
            settle(word, auto=True)


def test_a_probability_that_adapts_is_the_checkpoints(
    settle: Settle, compose_settings: Compose, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(compose_settings(*TINY, "augmentation=adaptive")))
    with pytest.raises(ConfigError, match=r"augmentation.probability: 0.0 before, 0.5 given: the run adapts it"):
        settle("augmentation.probability=0.5", "resume.allow=[augmentation]")


def test_settings_of_a_run_that_are_not_whole_are_told(settle: Settle, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for content in ("seed: 3", "run_dir: x", "run_dir: x\nmodel: 3\ndata: []", "[", "run_dir: x\nlr_schedule: null"):
        (tmp_path / "run" / "config.yaml").write_text(content)
        with pytest.raises(ConfigError):
            settle()


def test_updates_may_be_compiled_from_now_on(settle: Settle, compose_settings: Compose, tmp_path: Path) -> None:
    """A run with CUDA graphs is resumed on a machine without a GPU; numbers differ by rounding."""
    (tmp_path / "run").mkdir()
    saved = compose_settings(*TINY, "model.compile=cuda_graphs")
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(saved))
    with pytest.raises(ConfigError, match=r"allow the change: 'resume.allow=\[model.compile\]'"):
        settle("model.compile=false")
    settings, _ = settle("model.compile=false", "resume.allow=[model.compile]")
    assert settings["model"]["compile"] is False


def test_a_setting_may_be_allowed_by_its_old_name(settle: Settle, compose_settings: Compose, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(compose_settings(*TINY)))
    settings, _ = settle("game.auxiliary_losses.class_weight=3", "resume.allow=[game.class_weight]")
    assert settings["game"]["auxiliary_losses"]["class_weight"] == 3
