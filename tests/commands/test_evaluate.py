"""`gan evaluate`: the table, the files it leaves, and what it says to mistakes."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from option_classes import build_generator
from PIL import Image
from real_images import few_of
from typer.testing import CliRunner, Result

from gan.commands.evaluate import evaluate
from gan.commands.metrics import metrics
from gan.game.latents import Prior
from gan.generators.bundle import FILE_NAME, describe, load_generator, save_bundle
from gan.metrics import quality as quality_module
from gan.metrics import reference as reference_module
from gan.metrics.calibration import made_worse
from gan.system.errors import GanError

MLP: dict[str, Any] = {"hidden": [8], "activation": "relu", "negative_slope": 0.0, "dropout": 0.0}
QUICK = ("--n", "200", "--kid-subset", "100")
Evaluate = Callable[..., Result]


def bundle(path: Path, seed: int = 0, **provenance: Any) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = build_generator("mlp", latent_dim=4, image_shape=(1, 28, 28), **MLP)
    prior = Prior("normal", 4)
    metadata = describe("mlp", MLP, prior=prior, image_shape=(1, 28, 28), mean=0.5, std=0.5, **provenance)
    save_bundle(path, generator, metadata)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return bundle(tmp_path / "run" / FILE_NAME, data={"name": "mnist_sample"}).parent


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Evaluate:
    return evaluate_command(monkeypatch, tmp_path)


def evaluate_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Evaluate:
    """``gan(*arguments)``: the command, on a machine without the full sets."""
    monkeypatch.setenv("GAN_DATA", str(tmp_path / "no_data"))
    app = typer.Typer()
    app.command()(evaluate)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(result: Result, message: str) -> None:
    assert isinstance(result.exception, GanError), result.output
    with pytest.raises(GanError, match=message):
        raise result.exception


def test_a_row_for_each_run_and_one_for_real_images(run: Path, tmp_path: Path, gan: Evaluate) -> None:
    other = bundle(tmp_path / "other.safetensors", seed=1, data={"name": "mnist"})
    done = gan(run, other, *QUICK)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["run", "FCD", "×floor", "AE"]
    assert [line.split()[0] for line in lines[1:4]] == ["(real", str(run), str(other)]
    assert "FCD is not FID" in done.stdout
    assert "mnist_classifier: sha256" in done.stdout
    # what was requested is not there, and the sample stands in: the output says so
    assert "IN PLACE OF THE FULL MNIST" in done.stderr


def test_a_classifier_is_trained_on_them_if_that_is_asked_for(
    run: Path, tmp_path: Path, gan: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, list[int]]] = []

    def score(images: torch.Tensor, labels: torch.Tensor, data: object, seed: int = 0) -> float:
        given.append((len(images), labels[:12].tolist()))
        return 0.5

    monkeypatch.setattr(reference_module, "accuracy_score", score)
    monkeypatch.setattr(quality_module, "COUNT", 300)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settings = {**MLP, "conditioning": "concat"}
    generator = build_generator("mlp", latent_dim=4, image_shape=(1, 28, 28), num_classes=10, **settings)
    metadata = describe(
        "mlp", settings, prior=Prior("normal", 4), image_shape=(1, 28, 28), mean=0.5, std=0.5, num_classes=10,
        data={"name": "mnist_sample"},
    )  # fmt: skip
    save_bundle(tmp_path / "classes" / FILE_NAME, generator, metadata)
    done = gan(run, tmp_path / "classes", *QUICK, "--cas")
    assert done.exit_code == 0, done.output
    assert f"{run}: trained without classes, so there is no CAS" in done.output
    assert given[0] == (300, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    rows = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines() if "n  " in line or "/" in line}
    assert rows[str(tmp_path / "classes")] == "0.5000"
    assert rows[str(run)] == "-"
    quality = json.loads((tmp_path / "classes" / "quality.json").read_text())["quality"]
    assert (quality["accuracy_score"], quality["real_accuracy_score"]) == (0.5, 0.5)


def test_a_generator_of_the_sample_against_the_full_set_is_said(
    run: Path, gan: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = replace(few_of("mnist"), name="mnist")
    monkeypatch.setattr("gan.metrics.real_sets.load", lambda *arguments, **settings: full)
    done = gan(run, *QUICK)
    assert done.exit_code == 0, done.output
    assert f"{run}: trained on the bundled sample, which consists of test images" in done.stderr
    assert "(real mnist)" in done.stdout


def test_calibrate_has_a_row_for_each_corruption(monkeypatch: pytest.MonkeyPatch) -> None:
    few = few_of("mnist")
    few = replace(few, held_out_images=few.held_out_images[:300], held_out_labels=few.held_out_labels[:300])
    monkeypatch.setattr("gan.data.sources.load", lambda *arguments, **settings: few)
    done = CliRunner().invoke(metrics, ["calibrate"])
    assert done.exit_code == 0, done.output
    assert all(f"\n{what}  " in done.stdout for what in made_worse(few))
    assert "without the last class: missing 9" in done.stdout


def test_quality_json_and_the_bundle_have_the_numbers(run: Path, tmp_path: Path, gan: Evaluate) -> None:
    other = bundle(tmp_path / "other.safetensors", data={"name": "mnist"})
    done = gan(run, other, *QUICK, "--json")
    printed = json.loads(done.stdout)
    for source, found, entry in ((run, run / "quality.json", 0), (other, tmp_path / "other.quality.json", 1)):
        written = json.loads(found.read_text())
        assert {"source": str(source), **written} == printed[entry]
        assert written["quality"]["n"] == 200
        assert len(written["weights_sha256"]) == 64
        assert load_generator(source).metadata["quality"]["quality"] == written["quality"]


def test_the_same_call_gives_the_same_bytes(run: Path, gan: Evaluate) -> None:
    first = gan(run, *QUICK), (run / "quality.json").read_bytes(), (run / FILE_NAME).read_bytes()
    again = gan(run, *QUICK), (run / "quality.json").read_bytes(), (run / FILE_NAME).read_bytes()
    assert first[0].output == again[0].output
    assert first[1:] == again[1:]


def test_metrics_of_another_evaluation_are_replaced_only_if_forced(run: Path, gan: Evaluate) -> None:
    gan(run, *QUICK)
    file, first = run / "quality.json", (run / "quality.json").read_bytes()
    for other in (("--seed", 1), ("--n", 300), ("--data", "fashion_sample")):
        done = gan(run, *QUICK, *other)
        assert done.exit_code == 0, done.output
        told = f"{file} is kept: it has the metrics of 200 images of mnist_sample with seed 0; --force replaces them"
        assert told in done.stderr
        assert f"({'real fashion' if '--data' in other else 'real mnist'}" in done.stdout
        assert file.read_bytes() == first
        assert load_generator(run).metadata["quality"] == json.loads(first)
    gan(run, *QUICK, "--seed", 1, "--force")
    assert json.loads(file.read_text())["seed"] == 1
    (run / FILE_NAME).unlink()
    bundle(run / FILE_NAME, seed=5, data={"name": "mnist_sample"})  # trained further: the metrics are of the past
    gan(run, *QUICK)
    assert json.loads(file.read_text())["seed"] == 0


def test_what_an_earlier_evaluation_of_the_same_images_measured_is_kept(run: Path, gan: Evaluate) -> None:
    gan(run, *QUICK)
    result = json.loads((run / "quality.json").read_text())
    assert result["quality"]["fid"] is None
    result["quality"]["fid"] = 12.5
    (run / "quality.json").write_text(json.dumps(result))
    gan(run, *QUICK)
    assert json.loads((run / "quality.json").read_text()) == result
    assert load_generator(run).metadata["quality"] == result


def test_a_picture_is_not_drawn_where_one_cannot_write_and_nothing_is_measured(run: Path, gan: Evaluate) -> None:
    told(gan(run, *QUICK, "--nearest", "/dev/null/x.png"), "--nearest: /dev/null/x.png cannot be written: /dev/null is")
    assert not (run / "quality.json").exists()


def test_a_run_that_cannot_be_written_to_is_measured_all_the_same(
    run: Path, gan: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("gan.runs.run_files.write_bytes", refuse)
    done = gan(run, *QUICK)
    assert done.exit_code == 0, done.output
    assert "(Read-only file system): the results are only printed" in done.stderr
    assert not (run / "quality.json").exists()


def test_mistakes(run: Path, tmp_path: Path, gan: Evaluate) -> None:
    told(gan(tmp_path / "none"), "none: there is no such file or folder")
    told(gan(run, "--n", 64), "n: 64 images given; more than 64 expected")
    told(gan(run, "--n", 200, "--kid-subset", 201), "--kid-subset: 201 given, and --n is 200; at most as many expected")
    assert gan(run, "--n", 200).exit_code == 0  # without it, subsets of as many as there are
    told(gan(run, "--data", "mnits"), "no such option 'mnits'; did you mean 'mnist'")
    told(gan(run, "--data", "mnist", *QUICK), "data=mnist: MNIST is not available")
    told(gan(run, "--device", "gpu"), "--device: 'gpu' given")
    told(gan(run, "--classifier", tmp_path / "none.safetensors"), "there is no such file; an extractor's")
    told(gan(bundle(tmp_path / "x.safetensors")), r"x\.safetensors: its bundle names no dataset; give --data")
    told(gan(bundle(tmp_path / "y.safetensors", data={"name": "kmnist"})), "no such option 'kmnist'")


def test_a_mistake_in_any_of_the_bundles_is_told_before_work_begins(run: Path, tmp_path: Path, gan: Evaluate) -> None:
    told(gan(run, tmp_path / "none", *QUICK), "there is no such file or folder")
    assert not (run / "quality.json").exists()


def test_of_points_the_modes_that_were_found_are_counted(run: Path, tmp_path: Path, gan: Evaluate) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = build_generator("mlp", latent_dim=4, image_shape=(2, 1, 1), **MLP)
    prior = Prior("normal", 4)
    metadata = describe("mlp", MLP, prior=prior, image_shape=(2, 1, 1), mean=0.5, std=0.5, data={"name": "ring"})
    save_bundle(tmp_path / "plane" / FILE_NAME, generator, metadata)
    done = gan(tmp_path / "plane", run, *QUICK)
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'plane'}: 0 of 8 modes of 8 Gaussians on a circle; 0.0% of 200 points" in done.stdout
    assert str(run) in done.stdout
    quality = json.loads((tmp_path / "plane" / "quality.json").read_text())["quality"]
    assert (quality["modes"], quality["of"], quality["high_quality"]) == (0, 8, 0.0)
    assert load_generator(tmp_path / "plane").metadata["quality"]["quality"]["modes"] == 0
    useless = gan(tmp_path / "plane", *QUICK, "--fid", "--nearest", tmp_path / "x.png")
    assert f"{tmp_path / 'plane'}: --fid, --nearest: no effect for 2-D points\n" in useless.stderr
    assert not (tmp_path / "x.png").exists()
    sources = [row["source"] for row in json.loads(gan(tmp_path / "plane", run, *QUICK, "--json").stdout)]
    assert sources == [str(tmp_path / "plane"), str(run)]


def test_points_of_no_known_world(tmp_path: Path, gan: Evaluate) -> None:
    generator = build_generator("mlp", latent_dim=4, image_shape=(2, 1, 1), **MLP)
    metadata = describe("mlp", MLP, prior=Prior("normal", 4), image_shape=(2, 1, 1), mean=0.5, std=0.5)
    save_bundle(tmp_path / FILE_NAME, generator, metadata)
    told(gan(tmp_path, *QUICK), "its bundle names no toy distribution; known: ring, grid")


def test_the_images_that_are_most_like_training_images_are_drawn_above_those(
    run: Path, tmp_path: Path, gan: Evaluate
) -> None:
    picture = tmp_path / "nearest.png"
    assert gan(run, *QUICK, "--nearest", picture).exit_code == 0
    with Image.open(picture) as drawn:
        assert drawn.size == (16 * 60 - 4, 4 * 60 - 4)  # two pairs of rows, each pixel doubled, 2 x 2 between
        pixels = np.asarray(drawn)
    real = pixels[60:116, :56]
    assert real.max() > 200  # a digit, of which nothing is smoothed away
    told(gan(run, *QUICK, "--nearest", picture), "nearest.png exists with other content")
    told(gan(run, run, *QUICK, "--nearest", tmp_path / "new.png"), "--nearest: 2 generators given; one expected")
    told(
        gan(run, *QUICK, "--nearest", tmp_path / "new.jpg"),
        f"--nearest: {tmp_path / 'new.jpg'} given; a name that ends in .png",
    )


def test_runs_that_differ_in_the_seed_alone_have_a_row_of_their_mean(tmp_path: Path, gan: Evaluate) -> None:
    for seed in (0, 1):
        bundle(tmp_path / str(seed) / FILE_NAME, seed=seed, data={"name": "mnist_sample"})
        (tmp_path / str(seed) / "config.yaml").write_text(f"seed: {seed}\nrun_dir: {tmp_path / str(seed)}\n")
        (tmp_path / str(seed) / "run.json").write_text("{}")
    done = gan(tmp_path / "0", tmp_path / "1", *QUICK)
    assert done.exit_code == 0, done.output
    rows = {line.split("  ")[0]: line.split()[1:] for line in done.stdout.splitlines() if line[:1] in ("/", "(")}
    one, two = (float(rows[str(tmp_path / name)][0]) for name in ("0", "1"))
    mean = next(cells for name, cells in rows.items() if name.startswith("(2 seeds)"))
    assert float(mean[1]) == pytest.approx((one + two) / 2, abs=0.01)
    assert mean[2] == "±"


@pytest.mark.skipif(importlib.util.find_spec("torch_fidelity") is not None, reason="torch-fidelity is installed")
def test_fid_wants_its_package(run: Path, gan: Evaluate) -> None:
    told(gan(run, *QUICK, "--fid"), r"--fid needs torch-fidelity and the weights of Inception")
