"""A generator as one HTML file, which runs in any browser without a network: `layers` and `weights` describe it."""
