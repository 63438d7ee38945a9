"""The Python code in a model card that shows how to use each file beside it."""

from collections.abc import Mapping

from gan.game.latents import Prior
from gan.generators.bundle_path import FILE_NAME
from gan.generators.class_labels import first_class
from gan.generators.trained_generator import TrainedGenerator
from gan.system.trust import OWN_PACKAGES

COUNT = 16


def usage(trained: TrainedGenerator, files: Mapping[str, str]) -> str:
    """Markdown with a code block for each file of a known format."""
    parts = {
        FILE_NAME: ("With this project:", _bundle(trained)),
        "generator.onnx": ("With onnxruntime and NumPy only:", _onnx(trained)),
        "generator.pt2": ("With PyTorch only:", _pt2(trained)),
    }
    return "\n\n".join(f"{text}\n\n```python\n{code}\n```" for name, (text, code) in parts.items() if name in files)


def _bundle(trained: TrainedGenerator) -> str:
    labels = f", labels={first_class(trained.class_names)!r}" if trained.conditional else ""
    shape = (COUNT, *trained.image_shape)
    package, dot, _ = str(trained.metadata["family"]).partition(".")
    trust = f", trust=[{package!r}]" if dot and package not in OWN_PACKAGES else ""
    needed = f"  # its class is in the package {package}, which must be installed" if trust else ""
    return (
        "from gan import load_generator\n\n"
        f'generator = load_generator("{FILE_NAME}"{trust}){needed}\n'
        f"images = generator.sample({COUNT}, seed=0{labels})  # {'float32' if trained.points else 'uint8'} {shape}"
    )


def _onnx(trained: TrainedGenerator) -> str:
    given = '{"z": z, "labels": labels}' if trained.conditional else '{"z": z}'
    return (
        "import numpy as np\nimport onnxruntime\n\n"
        f"{_inputs(trained)}\n"
        'session = onnxruntime.InferenceSession("generator.onnx")\n'
        f"(images,) = session.run(None, {given})  # {_told(trained)}{_pixels(trained)}"
    )


def _pt2(trained: TrainedGenerator) -> str:
    given = "torch.tensor(z), torch.tensor(labels)" if trained.conditional else "torch.tensor(z)"
    return (
        "import numpy as np\nimport torch\n\n"
        f"{_inputs(trained)}\n"
        'generate = torch.export.load("generator.pt2").module()\n'
        f"images = generate({given}).numpy(force=True)  # {_told(trained)}{_pixels(trained)}"
    )


def _told(trained: TrainedGenerator) -> str:
    return "float32, in the units of the data" if trained.points else "float32 in [0, 1]"


def _pixels(trained: TrainedGenerator) -> str:
    if trained.points:
        return ""
    return f"\npixels = (255 * images).round().astype(np.uint8)  # {(COUNT, *trained.image_shape)}"


def _inputs(trained: TrainedGenerator) -> str:
    compared = f"# generator.sample({COUNT}, seed=0) has other latents: z = generator.latents({COUNT}, seed=0).numpy()"
    lines = [compared, "random = np.random.default_rng(0)", _latents(trained.prior)]
    if trained.conditional:
        lines.append(f"labels = np.arange({COUNT}) % {trained.num_classes}  # int64")
    return "\n".join(lines)


def _latents(prior: Prior) -> str:
    """Code that draws z in the layout of `Prior.draw`."""
    draw = "standard_normal(({}, {}))" if prior.name == "normal" else "uniform(-1, 1, ({}, {}))"
    noise = f"random.{draw.format(COUNT, prior.latent_dim)}"
    if prior.width == prior.latent_dim:
        return f"z = {noise}.astype(np.float32)"
    if prior.clusters:
        shares = f"fractions = np.array({[round(share, 6) for share in prior.shares]})"
        chosen = f"random.choice({prior.clusters}, size={COUNT}, p=fractions / fractions.sum())"
        return (
            f"{shares}  # of the training images, by cluster\nz = np.concatenate([  # noise, then the cluster\n"
            f"    {noise},\n    np.eye({prior.clusters})[{chosen}],\n], axis=1).astype(np.float32)"
        )
    parts = [noise, *(f"np.eye({n})[random.integers({n}, size={COUNT})]" for n in prior.categorical)]
    parts += [f"random.uniform(-1, 1, ({COUNT}, {prior.continuous}))"] if prior.continuous else []
    listed = "".join(f"    {part},\n" for part in parts)
    return f"z = np.concatenate([  # noise, then the codes\n{listed}], axis=1).astype(np.float32)"
