"""The process: errors, whole files, locks, signals, subprocesses, threads. Nothing about GANs."""
