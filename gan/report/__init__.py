"""`gan report`: runs side by side, as one HTML page and the same in Markdown. No torch, and no network."""
