"""Is this configuration one that can run? And `gan options`."""
