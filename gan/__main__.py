"""`python -m gan …` is the `gan` command."""

from gan.commands.main import main

main()
