"""What can be set, and how it is typed. From a checkout, without importing torch."""
