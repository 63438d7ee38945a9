"""A trained generator: its file, sampling, latent walks and directions, inversion, export."""
