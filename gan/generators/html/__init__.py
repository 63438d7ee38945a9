"""A generator as one HTML file, which runs in any browser without a network: `layers` describes, `file` writes."""
