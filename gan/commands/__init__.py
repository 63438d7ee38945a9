"""What one does with a trained generator, by the `gan` command: one file a command; gan/cli.py hooks them in."""
