"""Sweeps: many runs by one command, repeatable after an interrupt (`python train.py -m …`, docs/sweeps.md)."""
