"""One class of each kind for gan, as docs/extending.md shows them."""
