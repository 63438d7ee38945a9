"""The `gan` command, one file for each subcommand."""
