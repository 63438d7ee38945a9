"""Loggers that configurations and saved runs name as `gan.loggers.NAME`."""

from gan.runs.metrics_csv import MetricsCSV

__all__ = ["MetricsCSV"]
