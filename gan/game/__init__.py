"""The mathematics of GANs: networks, losses, penalties, augmentation, EMA, schedules, latents, and the two updates."""
