"""System utilities: errors, atomic files, locks, signals, subprocesses, threads. Nothing about GANs."""
