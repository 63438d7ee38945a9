"""The LightningModule, its strategy, and building all of a run from settings."""
