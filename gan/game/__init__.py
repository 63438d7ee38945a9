"""The mathematics of the game: losses, penalties, augmentation, EMA, schedules, latents."""
