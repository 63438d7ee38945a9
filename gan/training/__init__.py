"""Training: the LightningModule, its distributed strategy, the callbacks, and building a run from its settings."""
