"""`python -m vitals.cli`: the command where the script is not on PATH, as in the stack's own processes."""

from vitals.cli import main

main()
