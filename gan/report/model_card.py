"""The model card of a generator: description, training, metrics, usage and limitations.

It is Markdown with a YAML header and follows the conventions of the Hugging Face Hub, which shows the README.md of a
model's folder as its page (https://huggingface.co/docs/hub/model-cards).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from gan.config.kinds import RECIPE
from gan.data.registry import FOLDER
from gan.generators.trained_generator import TrainedGenerator
from gan.metrics.extractors import extractors_of
from gan.report.loading_code import usage
from gan.report.markdown import fenced, plain
from gan.report.measures import MEASURES
from gan.report.repeating import run_overrides
from gan.report.settings import PLACES
from gan.runs.reading import Run
from gan.runs.run_files import is_number, node
from gan.system import shell
from gan.system.errors import counted

# Known licences of datasets (others are unknown), and the names of the datasets on the Hub.
DATA_LICENCES = {"mnist": "CC BY-SA 3.0, by Yann LeCun and Corinna Cortes", "fashion": "MIT, by Zalando SE"}
HUB_DATASETS = {"mnist": "ylecun/mnist", "fashion": "zalando-datasets/fashion_mnist", "cifar10": "uoft-cs/cifar10"}


@dataclass(frozen=True)
class Card:
    """The contents of a model card.

    Attributes:
        trained: the generator.
        run: the run folder; None if only a bundle was given.
        licence: licence of the weights, in the Hub's spelling, for example "apache-2.0"; "unknown" if none was chosen.
        files: names of the files beside the card, each with a one-line description.
        picture: file name of the sample image.
    """

    trained: TrainedGenerator
    run: Run | None
    licence: str
    files: Mapping[str, str]
    picture: str

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.trained.metadata

    @property
    def data(self) -> str:
        """The name of the dataset; "" if the bundle has none."""
        return _line(node(self.metadata, "data").get("name") or "")

    @property
    def title(self) -> str:
        return f"{_line(self.metadata['family'])}-{self.data or 'generator'}"

    @property
    def quality(self) -> Mapping[str, Any]:
        """The metrics that `gan evaluate` has written."""
        return node(node(self.metadata, "quality"), "quality")

    @property
    def measures(self) -> dict[str, tuple[str, float]]:
        """Metric name -> formatted value and number."""
        values = ((measure, measure.read(self.quality)) for measure in MEASURES)
        finite = [(measure, value) for measure, value in values if value is not None and abs(value) < 1e300]
        return {measure.title: (measure.formatted([value]), float(value)) for measure, value in finite}

    @property
    def in_training(self) -> dict[str, float]:
        """The last metrics measured during training, by their logged names: "quality/fcd", …"""
        if self.run is None:
            return {}
        last = self.run.ended or {name: self.run.last(name) for name in self.run.curves}
        return {name: value for name, value in last.items() if name.startswith("quality/") and is_number(value)}

    def text(self) -> str:
        sections = {
            "How to use": usage(self.trained, self.files),
            "Training data": _data(self),
            "Training procedure": _recipe(self),
            "Evaluation": _measures(self),
            "Limitations": _limits(self),
            "Licence": _licence(self),
        }
        parts = [f"---\n{_header(self)}---", f"# {plain(self.title)}", _summary(self)]
        parts += [f"## {name}\n\n{content}" for name, content in sections.items()]
        return "\n\n".join(parts) + "\n"


def _header(card: Card) -> str:
    base = _full_set(card.data)
    tags = ["gan", _line(card.metadata["family"]), "pytorch", *(["onnx"] if "generator.onnx" in card.files else [])]
    header: dict[str, Any] = {"license": card.licence, "library_name": "gan", "tags": tags}
    if not card.trained.points:
        header["pipeline_tag"] = "unconditional-image-generation"
    if base in HUB_DATASETS:
        header["datasets"] = [HUB_DATASETS[base]]
    if card.measures:
        metrics = [{"type": name, "name": name, "value": value} for name, (_, value) in card.measures.items()]
        measured_on = _line(card.quality.get("data") or card.data)
        task = {"type": "unconditional-image-generation", "name": "Image generation"}
        data = {"type": HUB_DATASETS.get(base, measured_on), "name": measured_on}
        header["model-index"] = [{"name": card.title, "results": [{"task": task, "dataset": data, "metrics": metrics}]}]
    return yaml.safe_dump(header, sort_keys=False, allow_unicode=True)


def _summary(card: Card) -> str:
    trained = card.trained
    channels, height, width = trained.image_shape
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    made = "2-D points" if trained.points else f"{kind} images of {height} × {width} pixels"
    kind_of_model = "Class-conditional" if trained.conditional else "Unconditional"
    classes = f" You choose one of {counted(trained.num_classes, 'class')}." if trained.conditional else ""
    files = "\n".join(f"- `{name}`: {content}" for name, content in card.files.items())
    return (
        f"{kind_of_model} generator of a generative adversarial network (GAN). It generates {made}.{classes}\n\n"
        f"![Samples for the latent vectors of seed 0]({card.picture})\n\n{files}"
    )


def _data(card: Card) -> str:
    origin = plain(
        node(card.metadata, "data").get("origin")
        or "The training data is unknown: the file of the generator does not name it."
    )
    names = plain(", ".join(card.trained.class_names))
    licence = DATA_LICENCES.get(
        _full_set(card.data), "unknown to this program; check it before you redistribute the model"
    )
    of = "Classes, by label" if card.trained.conditional else "Classes of the images"
    lines = [f"Trained on {origin}." if card.data else origin, f"Licence of the images: {licence}."]
    return "\n\n".join([*lines, *([f"{of}: {names}."] if names else [])])


def _recipe(card: Card) -> str:
    trained = node(card.metadata, "trained")
    rows = {name.replace("_", " "): value for name, value in trained.items() if is_number(value)}
    facts = [f"- {plain(name)}: {value:,}" for name, value in rows.items()]
    if card.run is None:
        settings = {"family": card.metadata["family"], **card.metadata["settings"]}
        return "\n".join([*facts, "", fenced("yaml", yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))])
    run = card.run
    machine, versions = node(run.facts, "machine"), node(run.facts, "versions")
    facts += [f"- training time: {run.seconds:,.0f} s on {plain(machine.get('device', '?'))}"] if run.seconds else []
    facts += [f"- versions: {', '.join(f'{plain(k)} {plain(v)}' for k, v in versions.items())}"] if versions else []
    facts += [f"- commit: {plain(run.facts['git']['commit'])}"] if node(run.facts, "git").get("commit") else []
    words = [word for word in run_overrides(run) or [] if word.partition("=")[0] not in PLACES]
    typed = ["Command:", fenced("", shell.typed(words))] if words else []
    settings = {name: run.settings[name] for name in ("model", *RECIPE) if name in run.settings}
    written = fenced("yaml", yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
    return "\n\n".join(["\n".join(facts), *typed, "Settings:", written])


def _measures(card: Card) -> str:
    if not card.measures:
        return _measures_in_training(card) if card.in_training else "This model has not been evaluated."
    rows = [f"| {name} | {value} |" for name, (value, _) in card.measures.items()]
    extractors = node(card.quality, "extractors")
    samples, data = plain(card.quality.get("n", "?")), plain(card.quality.get("data"))
    measured = f"Measured by `gan evaluate` with {samples} samples against {data}."
    fcd = (
        "FCD is the Fréchet distance between real "
        "and generated images in the features of a small classifier. It is not FID: compare it only with FCD values "
        "of the same extractor. ×floor: the value divided by the value of real held-out images."
    )
    notes = [measured if card.trained.points else f"{measured} {fcd}"]
    if extractors:
        named = [f"{plain(name)} (sha256 {plain(str(digest)[:16])})" for name, digest in extractors.items()]
        notes.append(f"Extractors: {', '.join(named)}.")
    return "\n\n".join(["\n".join(["| metric | value |", "| --- | --- |", *rows]), *notes, *_with_rejection(card)])


def _with_rejection(card: Card) -> list[str]:
    """The metrics of images with rejection sampling, if `gan evaluate --reject` has measured these weights."""
    found = {} if card.run is None else card.run.with_rejection
    if found.get("weights_sha256") != card.trained.weights_sha256:
        return []  # not measured, or the run was trained further since
    quality = node(found, "quality")
    values = ((measure, measure.read(quality)) for measure in MEASURES)
    shown = ", ".join(f"{measure.title} {measure.formatted([value])}" for measure, value in values if value is not None)
    return [
        "With rejection sampling by the discriminator (`gan sample RUN --reject`; slower, and needs the run's "
        f"checkpoint): {shown}."
    ]


def _measures_in_training(card: Card) -> str:
    assert card.run is not None
    monitor = node(node(card.run.settings, "callbacks"), "quality")
    count = f"{monitor['n']:,}" if is_number(monitor.get("n")) else "few"
    features = "" if card.trained.points else f" and the feature extractors of {plain(_extractors(card))}"
    rows = [f"| {plain(name)} | {value:,.3g} |" for name, value in card.in_training.items()]
    note = (
        f"Measured during training with {count} samples{features}. Do not compare these values with values for "
        "another number of samples. `gan evaluate` uses more samples and also gives the values of real images."
    )
    return "\n\n".join(["\n".join(["| metric during training | value |", "| --- | --- |", *rows]), note])


def _extractors(card: Card) -> str:
    """The name of the dataset's extractors; for an image folder it contains the digest of the images."""
    is_colour = card.trained.image_shape[0] == 3
    return (
        "the training pictures"
        if card.data == FOLDER
        else extractors_of(card.data or "the training data", is_colour=is_colour)
    )


def _limits(card: Card) -> str:
    trained, missing, copied = card.trained, card.quality.get("missing"), card.quality.get("copied")
    lines = ["It generates only samples that resemble its training data."]
    lines += ["Rare kinds of training data are even rarer among its samples."]
    if trained.prior.clusters:
        lines += ["It knows no classes: the cluster at the end of z chooses a kind of image, found without labels."]
    elif trained.prior.has_codes:
        lines += ["It knows no classes: the codes at the end of z change the kind of image, found without labels."]
    elif not trained.conditional:
        lines += ["It is unconditional: you cannot choose a class."]
    if missing and isinstance(missing, list):
        lines += [f"It generates almost no images of these classes: {', '.join(map(plain, missing))}."]
    if is_number(copied):
        lines += [f"{copied:.1%} of its images may be copies of training images (real held-out images: 1.0%)."]
    else:
        lines += ["It has not been tested for copies of training images."]
    if not card.measures and not card.in_training:
        lines += ["Its quality has not been measured: only the sample picture shows it."]
    lines += ["Intended for study and for comparing methods. Not tested for uses that people depend on."]
    return "\n".join(f"- {line}" for line in lines)


def _licence(card: Card) -> str:
    if card.licence == "unknown":
        chosen = "No licence has been chosen for the weights yet."
    else:
        chosen = f"Weights: {card.licence}."
    return f"{chosen} The training data has its own licence: see Training data."


def _full_set(name: str) -> str:
    return name.removeprefix("stacked_").removesuffix("_sample")


def _line(text: object) -> str:
    """Text on one line, without characters that would end a code span."""
    return " ".join(str(text).replace("`", "'").split())
