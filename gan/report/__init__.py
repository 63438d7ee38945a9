"""Reports that compare runs, lists of runs, and model cards."""
