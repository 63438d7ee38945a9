"""Validation of configurations, and the listing of all settings for `gan options`."""
