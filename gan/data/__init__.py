"""Images come in: named sets, verified; a bundled sample; batches from memory; the DataModule."""
