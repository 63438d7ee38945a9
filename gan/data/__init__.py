"""Datasets: loading, verification and download, the bundled samples, batches from memory, and the DataModule."""
