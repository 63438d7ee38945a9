"""Diagnostics of training: checks, alarms, and suggested settings."""
