"""What of Lightning a game cannot use is refused with what to do instead; everything else runs in a tiny game."""

import inspect
from typing import Any

import lightning.pytorch as L
import pytest
from config_problems import problems
from lightning.pytorch import callbacks
from tiny_runs import Compose, Play

from gan.config.lightning_support import CALLBACKS_NOT_FOR_A_GAME, NOT_FOR_A_GAME
from gan.config.target_validation import TRAINER_CHECKS

REFUSED_ARGUMENTS: dict[str, tuple[Any, str]] = {
    "gradient_clip_val": (0.5, "optimizer.clip_norm"),
    "gradient_clip_algorithm": ("value", "optimizer.clip_norm"),
    "accumulate_grad_batches": (2, "optimizer.accumulate"),
    "callbacks": ("[]", "+callbacks.NAME._target_"),
    "logger": ("true", "logger=none"),
    "plugins": ("[]", "leave it out"),
    "model_registry": ("x", "gan export"),
    "fast_dev_run": ("true", "trainer.max_steps=1"),
    "barebones": ("true", "callbacks=none logger=none"),
    "use_distributed_sampler": ("true", "false expected"),
    "val_check_interval": (2, "no validation"),
    "check_val_every_n_epoch": (2, "no validation"),
    "limit_val_batches": (3, "no validation"),
    "limit_test_batches": (3, "no validation"),
    "limit_predict_batches": (3, "no validation"),
    "inference_mode": ("false", "no validation"),
}
RUN_ARGUMENTS = {
    "min_epochs": "1",
    "min_steps": "3",
    "max_time": "{hours:1}",
    "overfit_batches": "1",
    "num_sanity_val_steps": "2",
    "enable_checkpointing": "false",
    "enable_progress_bar": "false",
    "enable_model_summary": "true",
    "deterministic": "true",
    "benchmark": "true",
    "profiler": "simple",
    "detect_anomaly": "true",
    "sync_batchnorm": "true",
    "reload_dataloaders_every_n_epochs": "1",
    "enable_autolog_hparams": "false",
}
IN_EVERY_RUN = {"max_epochs", "default_root_dir"}  # of conf/config.yaml, and used by every test
NAMED = "+callbacks.x._target_=lightning.pytorch.callbacks"
RUN_CALLBACKS = {
    "Callback": (),
    "Checkpoint": (),
    "DeviceStatsMonitor": ("cpu_stats=false",),
    "EarlyStopping": ("monitor=epoch/g_loss", "verbose=true"),
    "LambdaCallback": (),
    "LearningRateMonitor": (),
    "ModelCheckpoint": ("monitor=epoch/g_loss",),
    "ModelSummary": ("max_depth=2",),
    "OnExceptionCheckpoint": ("dirpath=elsewhere",),
    "ProgressBar": (),
    "RichModelSummary": (),
    "RichProgressBar": (),
    "TQDMProgressBar": (),
    "Timer": ("duration={hours:1}",),
}
FEW = [f"callbacks.{name}=null" for name in ("quality", "samples", "projector", "curves")]
WORDS = {None: "null", "True": "true", "False": "false"}
BARS = {"ProgressBar", "RichProgressBar", "TQDMProgressBar"}


def words(values: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """Arguments of the Trainer, as typed."""
    typed = {name: WORDS.get(value if value is None else str(value), value) for name, value in values.items()}
    return [f"{'' if name in given else '+'}trainer.{name}={value}" for name, value in typed.items()]


def test_every_argument_of_the_trainer_is_refused_checked_or_run() -> None:
    known = {*NOT_FOR_A_GAME, *TRAINER_CHECKS, *RUN_ARGUMENTS, *IN_EVERY_RUN}
    assert {*inspect.signature(L.Trainer).parameters} == known
    assert {*REFUSED_ARGUMENTS} == {*NOT_FOR_A_GAME}


def test_every_callback_of_lightning_is_refused_or_run() -> None:
    refused = tuple(getattr(callbacks, name) for name in CALLBACKS_NOT_FOR_A_GAME)
    assert {name for name in callbacks.__all__ if not issubclass(getattr(callbacks, name), refused)} == {*RUN_CALLBACKS}


def test_a_refused_argument_says_what_to_do_instead(compose_settings: Compose) -> None:
    values = {name: value for name, (value, _) in REFUSED_ARGUMENTS.items()}
    told = problems(compose_settings(*words(values, compose_settings()["trainer"])))
    assert len(told) == len(REFUSED_ARGUMENTS)
    for name, (_, advice) in REFUSED_ARGUMENTS.items():
        (line,) = (line for line in told if line.startswith(f"trainer.{name}: "))
        assert advice in line


@pytest.mark.parametrize("place", [0, -1])
def test_a_value_that_changes_nothing_is_no_problem(compose_settings: Compose, place: int) -> None:
    values = {name: instead.harmless[place] for name, instead in NOT_FOR_A_GAME.items()}
    assert problems(compose_settings(*words(values, compose_settings()["trainer"]))) == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("switched_off", [False, True])
def test_arguments_that_can_work_work(compose_settings: Compose, play: Play, switched_off: bool) -> None:
    off = ("enable_checkpointing", "enable_progress_bar", "profiler", "overfit_batches")
    values = {name: value for name, value in RUN_ARGUMENTS.items() if (name in off) == switched_off}
    typed = words(values, compose_settings()["trainer"])
    assert problems(compose_settings(*typed)) == []
    run = play("callbacks=default", "logger=csv", *FEW, *typed)
    assert run.game.g_updates == (2 if switched_off else 12)
    assert (run.folder / "checkpoints" / "last.ckpt").exists() != switched_off
    assert (run.trainer.progress_bar_callback is None) == switched_off
    assert [path.name for path in run.folder.glob("*profile*")] == ["fit-profile.txt"] * switched_off


def test_an_unknown_profiler(compose_settings: Compose) -> None:
    (told,) = problems(compose_settings("+trainer.profiler=simpel"))
    assert told.startswith("trainer.profiler: no such option 'simpel'; did you mean 'simple'?")


def test_a_refused_callback_says_what_to_do_instead(compose_settings: Compose) -> None:
    needed = {
        "StochasticWeightAveraging": ["swa_lrs=0.1"],
        "GradientAccumulationScheduler": ["scheduling={0:2}"],
        "ModelPruning": ["pruning_fn=l1_unstructured"],
        "ThroughputMonitor": ["batch_size_fn=null"],
    }
    advised = dict(CALLBACKS_NOT_FOR_A_GAME)
    advised |= {"EMAWeightAveraging": advised["WeightAveraging"], "BackboneFinetuning": advised["BaseFinetuning"]}
    typed = [f"+callbacks.{name}._target_=lightning.pytorch.callbacks.{name}" for name in advised]
    typed += [f"+callbacks.{name}.{word}" for name, given in needed.items() for word in given]
    target = "lightning.pytorch.callbacks"
    assert problems(compose_settings(*typed)) == [
        f"callbacks.{name}._target_: '{target}.{name}' given, which cannot work for two networks; {advice}"
        for name, advice in advised.items()
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bar", sorted(BARS))
def test_callbacks_that_can_work_work(compose_settings: Compose, play: Play, bar: str) -> None:
    names = [bar, *(name for name in RUN_CALLBACKS if name not in BARS)] if bar == "ProgressBar" else [bar]
    typed = [f"+callbacks.{name}._target_=lightning.pytorch.callbacks.{name}" for name in names]
    typed += [f"+callbacks.{name}.{word}" for name in names for word in RUN_CALLBACKS[name]]
    typed += ["callbacks.progress=null", "logger=csv"]
    assert problems(compose_settings(*typed)) == []
    assert play("callbacks=default", *FEW, *typed).game.g_updates == 12


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (
            ["+callbacks.x._target_=lightning.pytorch.callbacks.Timer", "+callbacks.x.duration=5x"],
            "callbacks.x: `Timer(duration='5x')` is not a valid duration. Expected a string in the format DD:HH:MM:SS.",
        ),
        (
            [f"{NAMED}.EarlyStopping", "+callbacks.x.monitor=epoch/g_loss", "+callbacks.x.mode=up"],
            "callbacks.x: `mode` can be min, max, got up",
        ),
        (
            [f"{NAMED}.EarlyStopping", "+callbacks.x.monitor=a", "+callbacks.x.check_on_train_epoch_end=false"],
            "callbacks.x.check_on_train_epoch_end: False given; true expected: a game has no validation, test or "
            "prediction loop; leave it out (quality/fcd … measure the images)",
        ),
        (
            [f"{NAMED}.ModelCheckpoint", "+callbacks.x.save_on_train_epoch_end=false"],
            "callbacks.x.save_on_train_epoch_end: False given; true expected: a game has no validation, test or "
            "prediction loop; leave it out (quality/fcd … measure the images)",
        ),
        (
            ["+callbacks.x._target_=gan.callbacks.BestCheckpoint"],
            "callbacks.x: it does the same as callbacks.best, and a checkpoint can keep one of them; leave one out",
        ),
        (
            [f"{NAMED}.Timer", "+callbacks.x.duration={hours:1}", "trainer.max_time=00:01:00:00"],
            "callbacks.x: it does the same as trainer.max_time, and a checkpoint can keep one of them; leave one out",
        ),
        (
            [f"{NAMED}.RichProgressBar"],
            "callbacks.x: a second progress bar, beside callbacks.progress; leave one out: callbacks.progress=null",
        ),
        (
            [f"{NAMED}.LearningRateMonitor", "logger=none"],
            "callbacks.x: it logs to loggers, and there are none; logger=default or logger=csv expected",
        ),
    ],
)
def test_what_lightning_would_answer_with_a_traceback(
    compose_settings: Compose, typed: list[str], message: str
) -> None:
    assert problems(compose_settings(*typed)) == [message]


def test_without_psutil_device_statistics_are_those_of_the_gpu(
    compose_settings: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan.config.lightning_support._has_psutil", lambda: False)
    typed = f"{NAMED}.DeviceStatsMonitor"
    (told,) = problems(compose_settings(typed))
    assert told == "callbacks.x.cpu_stats: None given, which needs psutil: pip install psutil, or false"
    assert problems(compose_settings(typed, "+callbacks.x.cpu_stats=false")) == []
