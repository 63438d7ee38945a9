"""Many runs by one command that can be killed and given again: `python train.py -m …`; docs/sweeps.md."""
