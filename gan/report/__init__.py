"""Runs side by side, and the model card."""
