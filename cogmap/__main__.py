"""`python -m cogmap`: the command line."""

from .cli import main

main()
