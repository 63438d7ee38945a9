"""A generator as one HTML file, which runs in any browser, also offline: `layers` and `weights` describe it."""
