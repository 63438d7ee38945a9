"""The files of a run: folder, checkpoints, resume, metrics.csv, comparison."""
