"""`python -m r1rl`: the command line without an installed script."""

from r1rl.cli import main

main()
