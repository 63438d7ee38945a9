"""The listing of all settings, made from a checkout without importing torch."""
