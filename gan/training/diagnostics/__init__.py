"""What goes wrong in training, and what to try."""
