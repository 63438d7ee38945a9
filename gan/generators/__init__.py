"""Trained generators: bundle files, sampling, interpolation, latent directions, inversion and export."""
