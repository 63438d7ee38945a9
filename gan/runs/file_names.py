"""Names of the files of a run, in its folder; docs/run_folder.md describes them."""

SETTINGS = "config.yaml"  # a folder with this file belongs to a run
FACTS = "run.json"  # the command, versions, machine, and how the run ended
METRICS = "metrics.csv"
CURVES = "losses.png"
ALARMS = "alarms.json"
CHANGES = "changes.json"  # settings changed during training
QUALITY = "quality.json"
QUALITY_WITH_REJECTION = "quality_rejection.json"
GENERATOR = "generator.safetensors"
SAMPLES = "samples"
LATENTS = "fixed_latents.npz"  # in SAMPLES
TENSORBOARD = "tensorboard"
CHECKPOINTS = "checkpoints"
LAST_CHECKPOINT = "last.ckpt"  # in CHECKPOINTS
BEST_CHECKPOINT = "best.ckpt"  # in CHECKPOINTS
FAILED = "failed.json"  # of a job of a sweep: why it failed
PRUNED = "pruned.json"  # of a job of a search: why the search pruned it

WRITTEN = (  # beside config.yaml, by a run or its evaluation
    *(METRICS, CURVES, FACTS, ALARMS, QUALITY, QUALITY_WITH_REJECTION),
    *(GENERATOR, SAMPLES, TENSORBOARD, CHECKPOINTS),
)
